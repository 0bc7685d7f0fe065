"""Where live rows deviate from the OpenAPI document; in the cursor dialect only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from convocore_mcp.sandbox.data.seeded_random import SeededRandom
    from convocore_mcp.sandbox.shapes import Row

NEW_STAGE: Final = "onboarding"
NEW_STATE: Final = "queued"
UNKNOWN_FIELD: Final = "workspaceRegion"
TIME_FIELDS: Final = (
    "ts",
    "lastMessageTS",
    "firstMessageTS",
    "funnelLastEvaluated",
    "lastModified",
)
NULL_FIELDS: Final = ("userEmail", "stage", "summary", "title", "value", "tags", "assignedTo")


def add_live_deviations(rng: SeededRandom, row: Row) -> Row:
    """Change `row` in place as live rows deviate; its position by time stays the same."""
    if rng.chance(30):
        row[UNKNOWN_FIELD] = "eu-gcp"
    if "stage" in row and rng.chance(3):
        row["stage"] = NEW_STAGE
    if row["state"] == "ai-chatting" and rng.chance(5):
        row["state"] = NEW_STATE
    _change_values(rng, row)
    return row


def _change_values(rng: SeededRandom, row: Row) -> None:
    if rng.chance(4):
        row |= {name: row[name] * 1000 + 7 for name in TIME_FIELDS if name in row}
    if rng.chance(6):
        row[rng.pick(NULL_FIELDS)] = None
    if rng.chance(2):
        row["capturedVariables"] = None
    if rng.chance(3):
        row["messagesNum"] = str(row["messagesNum"])
    if rng.chance(2):
        row["leadScore"] = str(row["leadScore"])
    if rng.chance(1.5):
        row["origin"] = {"type": row["origin"], "provider": "twilio"}
    if rng.chance(1.5):
        # Convocore's length limit cuts an emoji in two: valid JSON, but not valid Unicode.
        row["lastMessage"] = "Perfect, see you there \ud83d"
