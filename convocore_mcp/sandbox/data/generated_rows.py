"""Generated rows: row `i` of an agent's history is made on request, and is the same each time.

Nothing is stored: a million conversations need no memory until they change. All depends on (seed,
size, now) only, and the number of a conversation can be computed from its ID.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from convocore_mcp.sandbox.data import crm_fields, visitor_fields
from convocore_mcp.sandbox.data.live_deviations import add_live_deviations
from convocore_mcp.sandbox.data.people import Person, make_person
from convocore_mcp.sandbox.data.seeded_random import SeededRandom, hash64

if TYPE_CHECKING:
    from convocore_mcp.sandbox.shapes import Row

SPARSE_FIELDS: Final = (
    "ID", "origin", "messagesNum", "ts", "tags", "lastMessageTS", "leadScore",
    "funnelStepsMatched", "funnelScoreHistory", "funnelNotificationSent",
)  # fmt: skip
ITEM_ONLY_FIELDS: Final = (
    "title", "lastMessage", "summary", "capturedVariables", "tokenUsage", "nodesInfo",
    "detailedCost",
)  # fmt: skip

_YEAR_SECONDS: Final = 365 * 86_400
_BLOCK_SIZE: Final = 2000  # rows; each block has one run of empty conversations
_RUN_MARGIN: Final = 400  # rows at both ends of a block in which the run cannot start
_RUN_LENGTH: Final = 45  # more than two pages of 20, so one page is empty wherever pages begin
_EMPTY_PER_MILLE: Final = 18
_REST_API_PERCENT: Final = 11
_ID_MULTIPLIER: Final = 0x9E3779B97F4A7C15
_ID_INVERSE: Final = pow(_ID_MULTIPLIER, -1, 1 << 64)
# Added to the seed, so that each kind of decision has random numbers of its own.
_ROWS, _EMPTY, _TIMES, _ID_SHAPES, _IDS, _PEOPLE = range(1, 7)
_TOKEN: Final = re.compile(r"(?:conv-)?([0-9a-f]{16})\Z")


@dataclass(frozen=True, slots=True)
class GeneratedRows:
    """`size` generated conversations; number 0 is the newest.

    With `deviates`, rows deviate from the documented API as those of the real service do.
    """

    size: int
    seed: int
    now: int
    agent_id: str
    deviates: bool

    def id_of(self, number: int) -> str:
        """The conversation's ID. Some have the form of those that were created by the REST API."""
        token = f"{(number * _ID_MULTIPLIER + hash64(self.seed, _IDS)) % (1 << 64):016x}"
        if hash64(self.seed + _ID_SHAPES, number) % 100 < _REST_API_PERCENT:
            return f"{self.agent_id}_{token}"
        return f"conv-{token}"

    def number_of(self, conversation_id: str) -> int | None:
        """The number that belongs to an ID, or None if no conversation here has that ID."""
        match = _TOKEN.match(conversation_id.removeprefix(f"{self.agent_id}_"))
        if match is None:
            return None
        number = (int(match[1], 16) - hash64(self.seed, _IDS)) * _ID_INVERSE % (1 << 64)
        exists = number < self.size and self.id_of(number) == conversation_id
        return number if exists else None

    def ts(self, number: int) -> int:
        """The time of the last message, in Unix seconds: many are recent, and no two are equal."""
        span = _YEAR_SECONDS * (max(self.size, 1) / _BLOCK_SIZE) ** 0.25
        spacing = max(1, min(60, int(span / max(self.size, 1) / 10)))
        ago = number * spacing + int(span * (number / max(self.size, 1)) ** 3)
        return self.now - ago - hash64(self.seed + _TIMES, number) % spacing

    def hidden(self, number: int) -> bool:
        """Whether the conversation is empty: Convocore leaves empty ones out of its pages."""
        if number == 0:
            return False
        block, index = divmod(number, _BLOCK_SIZE)
        start = _RUN_MARGIN + hash64(self.seed + _EMPTY, -block - 1) % (
            _BLOCK_SIZE - 2 * _RUN_MARGIN
        )
        if start <= index < start + _RUN_LENGTH:
            return True
        return hash64(self.seed + _EMPTY, number) % 1000 < _EMPTY_PER_MILLE

    def row(self, number: int) -> Row:
        """The conversation as the list shows it."""
        record, listed_as = self._record(number)
        if listed_as == "sparse":
            return {name: record[name] for name in SPARSE_FIELDS if name in record}
        if listed_as == "lean":
            for name in ITEM_ONLY_FIELDS:
                record.pop(name, None)
        return record

    def item(self, number: int) -> Row:
        """The single conversation, with all its fields."""
        return self._record(number)[0]

    def _record(self, number: int) -> tuple[Row, str]:
        """All fields of a conversation, and how the list shows it: `full`, `lean` or `sparse`."""
        rng = SeededRandom(self.seed + _ROWS, number)
        roll = rng.below(100)
        listed_as = "sparse" if roll < 17 else "lean" if roll < 42 else "full"
        person = self._person(number) if rng.chance(84) else None
        row = self._core_fields(rng, number, person)
        at = row["ts"]
        state = crm_fields.state(rng)
        row |= {"state": state, **crm_fields.score(rng, at)}
        stage = crm_fields.stage(rng)
        if stage is not None:
            row |= {"stage": stage, **crm_fields.closing(rng, stage, at)}
            row |= crm_fields.label(rng, row["leadScore"])
            if rng.chance(55):
                row |= crm_fields.money(rng, person.country.currency if person else "usd")
            if rng.chance(45):
                row |= crm_fields.activities(rng, at, self.now)
        row |= crm_fields.handoffs(rng, state, at)
        if person is not None:
            row |= visitor_fields.contact(rng, person, row["origin"], listed_as)
        row |= visitor_fields.messages(rng, person, row)
        row |= visitor_fields.channel_details(rng, row)
        visitor_fields.add_hostile_text(rng, row)
        return (add_live_deviations(rng, row) if self.deviates else row), listed_as

    def _core_fields(self, rng: SeededRandom, number: int, person: Person | None) -> Row:
        at, identifier = self.ts(number), self.id_of(number)
        count = 1 + rng.below(4) * rng.below(12)
        row: Row = {
            "ID": identifier,
            "origin": visitor_fields.channel(rng, person),
            "messagesNum": count,
            "ts": at,
            "tags": visitor_fields.tags(rng),
            "lastMessageTS": at,
            "firstMessageTS": at - count * rng.between(10, 90),
            "userID": identifier,
        }
        if row["origin"] in ("phone", "outbound-call") and person and person.phone:
            row["userID"] = f"+{person.phone}"
        if rng.chance(3):
            row["isTest"] = True
        if rng.chance(2):
            row["isBlocked"] = True
        return row

    def _person(self, number: int) -> Person:
        people = max(1, self.size * 6 // 10)
        return make_person(self.seed, hash64(self.seed + _PEOPLE, number) % people)
