"""The current list of conversations: the original rows, and the changes since then.

Every conversation has a rank; a greater rank is newer. Original row `i` has rank `-i`. Each
conversation that comes to the front later gets the next rank from 1 on. No rank is used twice, so a
cursor that names a rank means the same position, whatever is inserted, moved or deleted elsewhere.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from copy import deepcopy
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convocore_mcp.sandbox.shapes import Json, Row

_MILLISECONDS = 10**11  # a larger `ts` is in milliseconds: as seconds it would be the year 5138


class RowSource(Protocol):
    """The original rows."""

    @property
    def size(self) -> int: ...  # noqa: D102

    def number_of(self, conversation_id: str, /) -> int | None: ...  # noqa: D102
    def id_of(self, number: int, /) -> str: ...  # noqa: D102
    def hidden(self, number: int, /) -> bool: ...  # noqa: D102
    def row(self, number: int, /) -> Json: ...  # noqa: D102
    def item(self, number: int, /) -> Json: ...  # noqa: D102


class FixedRows:
    """Rows that a test wrote: served unchanged."""

    def __init__(self, rows: Sequence[Json]) -> None:
        self._rows = deepcopy(list(rows))
        self._numbers: dict[str, int] = {}
        for number, row in enumerate(self._rows):
            if isinstance(row, dict) and isinstance(row.get("ID"), str):
                self._numbers.setdefault(row["ID"], number)

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self._rows)

    def number_of(self, conversation_id: str) -> int | None:
        """The number of the first row with this ID."""
        return self._numbers.get(conversation_id)

    def id_of(self, number: int) -> str:
        """The row's ID; without one, an ID that no request can name."""
        row = self._rows[number]
        has_id = isinstance(row, dict) and isinstance(row.get("ID"), str)
        return row["ID"] if has_id else f"\0{number}"

    def hidden(self, number: int) -> bool:
        """Whether the list leaves the row out: never."""
        return number < 0

    def row(self, number: int) -> Json:
        """A copy of the row, so that no caller changes the original."""
        return deepcopy(self._rows[number])

    def item(self, number: int) -> Json:
        """The single conversation: the same as the row."""
        return self.row(number)


class ConversationList:
    """The order of the conversations and their changes. The sandbox locks it."""

    def __init__(self, rows: RowSource, *, newest: float) -> None:
        self._rows = rows
        self._newest = newest
        self._last_rank = 0
        self._clear()

    def _clear(self) -> None:
        self._new_ranks: list[int] = []  # ranks above zero that are in use, ascending
        self._vacated: list[int] = []  # numbers of moved or deleted original rows, ascending
        self._id_by_rank: dict[int, str] = {}  # for ranks above zero
        self._rank_by_id: dict[str, int] = {}
        self._changed: dict[str, Row] = {}
        self._deleted: set[str] = set()

    def replace(self, rows: FixedRows) -> None:
        """Start over with other rows; ranks continue to count up."""
        self._rows = rows
        self._newest = max([self._newest, *map(_seconds, map(rows.row, range(rows.size)))])
        self._clear()

    # Reading

    def ranks(self, offset: int, limit: int) -> list[int]:
        """The ranks of `limit` conversations after the first `offset`; hidden rows count too."""
        end = max(0, len(self._new_ranks) - offset)
        ranks = self._new_ranks[max(0, end - limit) : end][::-1]
        original_offset = max(0, offset - len(self._new_ranks))
        return ranks + self._original_ranks(self._nth(original_offset), limit - len(ranks))

    def ranks_after(self, rank: int, limit: int) -> list[int]:
        """The ranks of the next `limit` conversations that are older than `rank`."""
        end = bisect_left(self._new_ranks, rank)
        ranks = self._new_ranks[max(0, end - limit) : end][::-1]
        return ranks + self._original_ranks(max(0, 1 - rank), limit - len(ranks))

    def rows_at(self, ranks: list[int]) -> list[Json]:
        """The rows at `ranks` as the list shows them, copied; hidden rows are left out."""
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
        """The single conversation: its row, and the fields that only the item has."""
        row = self.row(identifier)
        number = self._rows.number_of(identifier)
        if row is None or number is None or not isinstance(row, dict):
            return row
        listed = self._rows.row(number)
        item_only = {k: v for k, v in self._rows.item(number).items() if k not in listed}
        return {**item_only, **row}

    # Changing

    def insert(self, row: Row) -> None:
        """Put a new conversation at the front, whatever its `ts`."""
        identifier = row["ID"]
        is_original = self._rows.number_of(identifier) is not None
        if identifier in self._changed or (is_original and identifier not in self._deleted):
            raise ValueError(f"{identifier} exists already")
        self._deleted.discard(identifier)
        self._to_front(identifier, row)

    def touch(self, identifier: str, fields: Row, *, now: int) -> None:
        """Add a message: the conversation moves to the front and gets the newest `ts`."""
        row = self._existing(identifier)
        at = self.next_ts(now)
        count = int(row.get("messagesNum") or 0) + 1
        row |= {"ts": at, "lastMessageTS": at, "messagesNum": count}
        self._vacate(identifier)
        self._to_front(identifier, merged(row, fields))

    def edit(self, identifier: str, fields: Row) -> None:
        """Change fields and nothing else: `ts` and the position stay."""
        self._changed[identifier] = merged(self._existing(identifier), fields)

    def delete(self, identifier: str) -> None:
        """Remove the conversation."""
        self._existing(identifier)
        self._vacate(identifier)
        self._changed.pop(identifier, None)
        self._deleted.add(identifier)

    def next_ts(self, now: int) -> int:
        """`now`, or the newest `ts` in the list if that is later."""
        return max(now, int(self._newest))

    # Internals

    def _changed_at(self, rank: int) -> Row | None:
        if rank > 0:
            return self._changed[self._id_by_rank[rank]]
        return self._changed.get(self._rows.id_of(-rank)) if self._changed else None

    def _hidden(self, rank: int) -> bool:
        return rank <= 0 and self._rows.hidden(-rank) and self._changed_at(rank) is None

    def _row_at(self, rank: int) -> Json:
        changed = self._changed_at(rank)
        return self._rows.row(-rank) if changed is None else deepcopy(changed)

    def _existing(self, identifier: str) -> Row:
        row = self.row(identifier)
        if not isinstance(row, dict):
            raise KeyError(identifier)
        return row

    def _vacate(self, identifier: str) -> None:
        rank = self._rank_by_id.pop(identifier, None)
        if rank is not None:
            del self._new_ranks[bisect_left(self._new_ranks, rank)]
            del self._id_by_rank[rank]
            return
        number = self._rows.number_of(identifier)
        if number is not None:
            insort(self._vacated, number)

    def _to_front(self, identifier: str, row: Row) -> None:
        self._last_rank += 1
        self._new_ranks.append(self._last_rank)
        self._id_by_rank[self._last_rank] = identifier
        self._rank_by_id[identifier] = self._last_rank
        self._changed[identifier] = row
        self._newest = max(self._newest, _seconds(row))

    def _nth(self, offset: int) -> int:
        """The number of the original row at `offset`, not counting vacated ones."""
        low, high = 0, len(self._vacated)
        while low < high:
            middle = (low + high) // 2
            if self._vacated[middle] - middle <= offset:
                low = middle + 1
            else:
                high = middle
        return offset + low

    def _original_ranks(self, number: int, limit: int) -> list[int]:
        """The ranks of up to `limit` original rows from `number` on, without vacated ones."""
        ranks: list[int] = []
        next_vacated = bisect_left(self._vacated, number)
        while len(ranks) < limit and number < self._rows.size:
            if next_vacated < len(self._vacated) and self._vacated[next_vacated] == number:
                next_vacated += 1
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
    """`row` with `fields` over it; a field that is None is removed."""
    removed = {name for name, value in fields.items() if value is None}
    return {name: value for name, value in (row | fields).items() if name not in removed}
