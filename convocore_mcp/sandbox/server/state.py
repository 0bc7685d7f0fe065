"""The list as it stands: generated rows, and over them what has changed since.

Every conversation has a rank, greater is newer: generated row `i` has rank `-i`, whatever came to
the front since counts up from 1. A rank is never given twice, so a cursor that names one means the
same place whatever is inserted, moved or deleted elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from copy import deepcopy
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convocore_mcp.sandbox.shapes import Json, Row

_MILLISECONDS = 10**11  # a number of seconds this great lies in the year 5138


class Rows(Protocol):
    """Where rows nobody changed come from."""

    @property
    def size(self) -> int: ...  # noqa: D102

    def number_of(self, conversation_id: str, /) -> int | None: ...  # noqa: D102
    def id_of(self, number: int, /) -> str: ...  # noqa: D102
    def hidden(self, number: int, /) -> bool: ...  # noqa: D102
    def row(self, number: int, /) -> Json: ...  # noqa: D102
    def item(self, number: int, /) -> Json: ...  # noqa: D102


class GivenRows:
    """Rows that a test wrote down: given out as they are."""

    def __init__(self, rows: Sequence[Json]) -> None:
        self._rows = deepcopy(list(rows))
        self._numbers: dict[str, int] = {}
        for number, row in enumerate(self._rows):
            if isinstance(row, dict) and isinstance(row.get("ID"), str):
                self._numbers.setdefault(row["ID"], number)

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self._rows)

    def number_of(self, conversation_id: str) -> int | None:
        """The first row with this ID."""
        return self._numbers.get(conversation_id)

    def id_of(self, number: int) -> str:
        """The row's ID; one that can't be asked for when it has none."""
        row = self._rows[number]
        known = isinstance(row, dict) and isinstance(row.get("ID"), str)
        return row["ID"] if known else f"\0{number}"

    def hidden(self, number: int) -> bool:
        """None is: a test means what it gives."""
        return number < 0

    def row(self, number: int) -> Json:
        """A copy, so that nobody changes what was given."""
        return deepcopy(self._rows[number])

    def item(self, number: int) -> Json:
        """The same as the row."""
        return self.row(number)


class Conversations:
    """Order, changes and positions. Not locked: the sandbox does that."""

    def __init__(self, rows: Rows, *, newest: float) -> None:
        self._rows = rows
        self._newest = newest
        self._last_rank = 0
        self._clear()

    def _clear(self) -> None:
        self._moved: list[int] = []  # ranks above zero still in the list, ascending
        self._gone: list[int] = []  # generated rows that moved or were deleted, ascending
        self._at: dict[int, str] = {}
        self._ranks: dict[str, int] = {}
        self._changed: dict[str, Row] = {}
        self._deleted: set[str] = set()

    def replace(self, rows: GivenRows) -> None:
        """Start over with other rows; ranks go on counting."""
        self._rows = rows
        self._newest = max([self._newest, *map(_seconds, map(rows.row, range(rows.size)))])
        self._clear()

    # Reading

    def ranks(self, offset: int, limit: int) -> list[int]:
        """The ranks of `limit` conversations, empty ones too, after skipping `offset`."""
        end = max(0, len(self._moved) - offset)
        ranks = self._moved[max(0, end - limit) : end][::-1]
        left = max(0, offset - len(self._moved))
        return ranks + self._unmoved(self._nth(left), limit - len(ranks))

    def ranks_after(self, rank: int, limit: int) -> list[int]:
        """The ranks of the next `limit` conversations older than the place `rank`."""
        end = bisect_left(self._moved, rank)
        ranks = self._moved[max(0, end - limit) : end][::-1]
        return ranks + self._unmoved(max(0, 1 - rank), limit - len(ranks))

    def rows_at(self, ranks: list[int]) -> list[Json]:
        """The rows at `ranks` as the list shows them, copied; empty ones are left out."""
        return [self._row_at(rank) for rank in ranks if not self._hidden(rank)]

    def row(self, identifier: str) -> Json:
        """A copy of the row with this ID as the list shows it, or None."""
        if identifier in self._deleted:
            return None
        if identifier in self._changed:
            return deepcopy(self._changed[identifier])
        number = self._rows.number_of(identifier)
        return None if number is None or self._rows.hidden(number) else self._rows.row(number)

    def item(self, identifier: str) -> Json:
        """The conversation by itself: its row, and what only the item has."""
        row = self.row(identifier)
        number = self._rows.number_of(identifier)
        if row is None or number is None or not isinstance(row, dict):
            return row
        listed = self._rows.row(number)
        only = {k: v for k, v in self._rows.item(number).items() if k not in listed}
        return {**only, **row}

    # Changing

    def insert(self, row: Row) -> None:
        """Put a new conversation at the front; `ts` may be given, its place is the front."""
        identifier = row["ID"]
        known = self._rows.number_of(identifier) is not None
        if identifier in self._changed or (known and identifier not in self._deleted):
            raise ValueError(f"{identifier} is there already")
        self._deleted.discard(identifier)
        self._to_front(identifier, row)

    def touch(self, identifier: str, fields: Row, *, now: int) -> None:
        """A new message: the conversation moves to the front with the newest `ts`."""
        row = self._known(identifier)
        at = self.next_ts(now)
        count = int(row.get("messagesNum") or 0) + 1
        row |= {"ts": at, "lastMessageTS": at, "messagesNum": count}
        self._leave(identifier)
        self._to_front(identifier, merged(row, fields))

    def edit(self, identifier: str, fields: Row) -> None:
        """Change fields and nothing else: time and place stay."""
        self._changed[identifier] = merged(self._known(identifier), fields)

    def delete(self, identifier: str) -> None:
        """Take the conversation out of the list."""
        self._known(identifier)
        self._leave(identifier)
        self._changed.pop(identifier, None)
        self._deleted.add(identifier)

    def next_ts(self, now: int) -> int:
        """A time no older than any in the list."""
        return max(now, int(self._newest))

    # Inside

    def _changed_at(self, rank: int) -> Row | None:
        if rank > 0:
            return self._changed[self._at[rank]]
        return self._changed.get(self._rows.id_of(-rank)) if self._changed else None

    def _hidden(self, rank: int) -> bool:
        return rank <= 0 and self._rows.hidden(-rank) and self._changed_at(rank) is None

    def _row_at(self, rank: int) -> Json:
        changed = self._changed_at(rank)
        return self._rows.row(-rank) if changed is None else deepcopy(changed)

    def _known(self, identifier: str) -> Row:
        row = self.row(identifier)
        if not isinstance(row, dict):
            raise KeyError(identifier)
        return row

    def _leave(self, identifier: str) -> None:
        rank = self._ranks.pop(identifier, None)
        if rank is not None:
            del self._moved[bisect_left(self._moved, rank)]
            del self._at[rank]
            return
        number = self._rows.number_of(identifier)
        if number is not None:
            insort(self._gone, number)

    def _to_front(self, identifier: str, row: Row) -> None:
        self._last_rank += 1
        self._moved.append(self._last_rank)
        self._at[self._last_rank] = identifier
        self._ranks[identifier] = self._last_rank
        self._changed[identifier] = row
        self._newest = max(self._newest, _seconds(row))

    def _nth(self, offset: int) -> int:
        """The generated row that stands at `offset` once the gone ones are taken out."""
        low, high = 0, len(self._gone)
        while low < high:
            middle = (low + high) // 2
            if self._gone[middle] - middle <= offset:
                low = middle + 1
            else:
                high = middle
        return offset + low

    def _unmoved(self, number: int, limit: int) -> list[int]:
        """Ranks of up to `limit` generated rows from `number` on, without those gone."""
        ranks: list[int] = []
        place = bisect_left(self._gone, number)
        while len(ranks) < limit and number < self._rows.size:
            if place < len(self._gone) and self._gone[place] == number:
                place += 1
            else:
                ranks.append(-number)
            number += 1
        return ranks


def _seconds(row: Json) -> float:
    at = row.get("ts") if isinstance(row, dict) else None
    if not isinstance(at, int | float):
        return 0
    return at / 1000 if at > _MILLISECONDS else at


def merged(row: Row, fields: Row) -> Row:
    """`row` with `fields` put over it; a field that is None is taken out."""
    removed = {name for name, value in fields.items() if value is None}
    return {name: value for name, value in (row | fields).items() if name not in removed}
