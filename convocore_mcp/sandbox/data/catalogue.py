"""Row `i` of an agent's history, made when someone asks for it and the same each time.

Nothing is stored: a million conversations cost no memory until they change. Everything hangs on
(seed, size, now), and a conversation's ID leads back to its number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from convocore_mcp.sandbox.data import content, pipeline
from convocore_mcp.sandbox.data.chance import Dice, mix
from convocore_mcp.sandbox.data.oddities import make_odd
from convocore_mcp.sandbox.data.people import Person, person

if TYPE_CHECKING:
    from convocore_mcp.sandbox.shapes import Row

SPARSE_FIELDS: Final = (
    "ID", "origin", "messagesNum", "ts", "tags", "lastMessageTS", "leadScore",
    "funnelStepsMatched", "funnelScoreHistory", "funnelNotificationSent",
)  # fmt: skip
LEFT_TO_THE_ITEM: Final = (
    "title", "lastMessage", "summary", "capturedVariables", "tokenUsage", "nodesInfo",
    "detailedCost",
)  # fmt: skip

_YEAR: Final = 365 * 86_400
_USUAL_SIZE: Final = 2000
_RESTED: Final = 400  # empties come in one run per this many rows and more, never near the front
_EMPTY_RUN: Final = 45  # two pages of 20 and a bit: wherever pages fall, one is wholly empty
_EMPTY_PER_MILLE: Final = 18
_REST_API_PERCENT: Final = 11
_STEP: Final = 0x9E3779B97F4A7C15
_UNSTEP: Final = pow(_STEP, -1, 1 << 64)
_ROWS, _EMPTIES, _TIMES, _NAMES, _IDS, _PEOPLE = range(1, 7)
_TOKEN: Final = re.compile(r"(?:conv-)?([0-9a-f]{16})\Z")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`size` generated conversations, number 0 the newest."""

    size: int
    seed: int
    now: int
    agent_id: str
    odd: bool

    def id_of(self, number: int) -> str:
        """The conversation's ID; a share has the shape that the REST API gives."""
        token = f"{(number * _STEP + mix(self.seed, _IDS)) % (1 << 64):016x}"
        if mix(self.seed + _NAMES, number) % 100 < _REST_API_PERCENT:
            return f"{self.agent_id}_{token}"
        return f"conv-{token}"

    def number_of(self, conversation_id: str) -> int | None:
        """The number behind an ID, or None when it isn't one of these conversations."""
        match = _TOKEN.match(conversation_id.removeprefix(f"{self.agent_id}_"))
        if match is None:
            return None
        number = (int(match[1], 16) - mix(self.seed, _IDS)) * _UNSTEP % (1 << 64)
        known = number < self.size and self.id_of(number) == conversation_id
        return number if known else None

    def ts(self, number: int) -> int:
        """When the last message came: many lately, fewer long ago, no two at the same second."""
        span = _YEAR * (max(self.size, 1) / _USUAL_SIZE) ** 0.25
        gap = max(1, min(60, int(span / max(self.size, 1) / 10)))
        ago = number * gap + int(span * (number / max(self.size, 1)) ** 3)
        return self.now - ago - mix(self.seed + _TIMES, number) % gap

    def hidden(self, number: int) -> bool:
        """Whether the conversation is empty, so that Convocore leaves it out of its pages."""
        if number == 0:
            return False
        block, place = divmod(number, _USUAL_SIZE)
        start = _RESTED + mix(self.seed + _EMPTIES, -block - 1) % (_USUAL_SIZE - 2 * _RESTED)
        if start <= place < start + _EMPTY_RUN:
            return True
        return mix(self.seed + _EMPTIES, number) % 1000 < _EMPTY_PER_MILLE

    def row(self, number: int) -> Row:
        """The conversation as the list shows it."""
        record, shown = self._record(number)
        if shown == "sparse":
            return {name: record[name] for name in SPARSE_FIELDS if name in record}
        if shown == "lean":
            for name in LEFT_TO_THE_ITEM:
                record.pop(name, None)
        return record

    def item(self, number: int) -> Row:
        """The conversation as it answers when asked for by itself: all there is."""
        return self._record(number)[0]

    def _record(self, number: int) -> tuple[Row, str]:
        dice = Dice(self.seed + _ROWS, number)
        roll = dice.below(100)
        shown = "sparse" if roll < 17 else "lean" if roll < 42 else "full"
        who = self._person(number) if dice.chance(84) else None
        row = self._core(dice, number, who)
        at = row["ts"]
        talking = pipeline.state(dice)
        row |= {"state": talking, **pipeline.score(dice, at)}
        where = pipeline.stage(dice)
        if where is not None:
            row |= {"stage": where, **pipeline.closing(dice, where, at)}
            row |= pipeline.label(dice, row["leadScore"])
            if dice.chance(55):
                row |= pipeline.money(dice, who.country.currency if who else "usd")
            if dice.chance(45):
                row |= pipeline.activities(dice, at, self.now)
        row |= pipeline.handoffs(dice, talking, at)
        if who is not None:
            row |= content.contact(dice, who, row["origin"], shown)
        row |= content.talk(dice, who, row)
        row |= content.extras(dice, row)
        content.poison(dice, row)
        return (make_odd(dice, row) if self.odd else row), shown

    def _core(self, dice: Dice, number: int, who: Person | None) -> Row:
        at, identifier = self.ts(number), self.id_of(number)
        count = 1 + dice.below(4) * dice.below(12)
        row: Row = {
            "ID": identifier,
            "origin": content.channel(dice, who),
            "messagesNum": count,
            "ts": at,
            "tags": content.tags(dice),
            "lastMessageTS": at,
            "firstMessageTS": at - count * dice.between(10, 90),
            "userID": identifier,
        }
        if row["origin"] in ("phone", "outbound-call") and who is not None and who.phone:
            row["userID"] = f"+{who.phone}"
        if dice.chance(3):
            row["isTest"] = True
        if dice.chance(2):
            row["isBlocked"] = True
        return row

    def _person(self, number: int) -> Person:
        people = max(1, self.size * 6 // 10)
        return person(self.seed, mix(self.seed + _PEOPLE, number) % people)
