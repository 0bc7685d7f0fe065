"""What live answers hold against the letter of the OpenAPI document: the cursor dialect only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from convocore_mcp.sandbox.data.chance import Dice
    from convocore_mcp.sandbox.shapes import Row

NEW_STAGE: Final = "onboarding"
NEW_STATE: Final = "queued"
UNKNOWN_FIELD: Final = "workspaceRegion"
TIMES: Final = ("ts", "lastMessageTS", "firstMessageTS", "funnelLastEvaluated", "lastModified")
NULLABLE: Final = ("userEmail", "stage", "summary", "title", "value", "tags", "assignedTo")


def make_odd(dice: Dice, row: Row) -> Row:
    """Change `row` as live rows differ; the position by time stays what it was."""
    if dice.chance(30):
        row[UNKNOWN_FIELD] = "eu-gcp"
    if "stage" in row and dice.chance(3):
        row["stage"] = NEW_STAGE
    if row["state"] == "ai-chatting" and dice.chance(5):
        row["state"] = NEW_STATE
    _make_values_odd(dice, row)
    return row


def _make_values_odd(dice: Dice, row: Row) -> None:
    if dice.chance(4):
        row |= {name: row[name] * 1000 + 7 for name in TIMES if name in row}
    if dice.chance(6):
        row[dice.pick(NULLABLE)] = None
    if dice.chance(2):
        row["capturedVariables"] = None
    if dice.chance(3):
        row["messagesNum"] = str(row["messagesNum"])
    if dice.chance(2):
        row["leadScore"] = str(row["leadScore"])
    if dice.chance(1.5):
        row["origin"] = {"type": row["origin"], "provider": "twilio"}
    if dice.chance(1.5):
        # An emoji cut in two by a length limit upstream: valid JSON, not valid Unicode.
        row["lastMessage"] = "Perfect, see you there \ud83d"
