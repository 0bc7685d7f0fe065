"""Rows counted and added up by group.

The engine groups by what is stored. Where it can also make the keys of an answer, and there may be
many groups, it finds the largest first (`top_groups`). Otherwise Python adds up what has the same
key (`split_groups`).
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection

from convocore_mcp.fields.grouping import Grouping, TimeUnit
from convocore_mcp.fields.row_query import Groups, RowGroup, RowQuery
from convocore_mcp.fields.table import BY_NAME, Field, Rows
from convocore_mcp.store.field_queries.groups import model_shares
from convocore_mcp.store.field_queries.groups.group_columns import group_column
from convocore_mcp.store.field_queries.groups.group_figures import Figures, Part, Sums
from convocore_mcp.store.field_queries.groups.group_keys import GroupedValues, GroupKey, GroupKeys
from convocore_mcp.store.field_queries.groups.group_measures import add_samples
from convocore_mcp.store.field_queries.groups.lead_totals import with_leads
from convocore_mcp.store.field_queries.groups.split_groups import SplitParts
from convocore_mcp.store.field_queries.groups.top_groups import engine_can_rank, top_groups
from convocore_mcp.store.fields.row_tables import RowTable

TIME_DEPENDENT_FIELDS = (BY_NAME["overdue_activity"], BY_NAME["hot"])
"""Fields whose values change as time passes; the figures of all groups of leads depend on them."""


class _GroupSums:
    """What was added up: of all rows, of each group that is shown, and of all other groups."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures
        self.totals, self.rest = Sums(figures), Sums(figures)
        self.shown: dict[GroupKey, Sums] = {}
        """In the order of the answer."""
        self.total = 0
        """How many groups there are."""

    def show(self, keys: Iterable[GroupKey]) -> None:
        """Begin the sums of the groups that are shown."""
        self.shown = {key: Sums(self.figures) for key in keys}

    def sums(self, key: GroupKey) -> Sums:
        """The sums to which rows with this key are added."""
        return self.shown.get(key, self.rest)


def groups(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    conditions: Sequence[ColumnElement[bool]],
    group_by: Sequence[Grouping],
    measures: Sequence[Field],
    *,
    limit: int,
) -> Groups:
    """The rows that meet the conditions, by group; `limit` groups are shown."""
    columns = [group_column(connection, table, query, conditions, g) for g in group_by]
    keys, figures = GroupKeys(group_by, columns), Figures.of(table)
    found = _GroupSums(figures)
    cheap_keys = all(column.cheap_key for column in columns)
    parts = SplitParts(connection, table, keys, figures, conditions, cheap_keys=cheap_keys)
    # Python adds up few groups: SQLite then reads faster, a range of rows at a time.
    if engine_can_rank(columns) and not (table.sqlite and parts.are_few):
        top = top_groups(connection, table, columns, figures, conditions, limit)
        found.total = top.total
        found.show(top.parts)
        for key, of_key in top.parts.items():
            found.shown[key].add(of_key)
            keys.note_spellings([([key], part, figures.rows(part)) for part in of_key])
            found.totals.add(of_key)
        found.totals.add(top.rest)
        found.rest.add(top.rest)
    else:
        _split(parts, keys, list(_shares(connection, table, keys, conditions)), limit, found)
    add_samples(connection, table, keys, conditions, measures, found.totals, found.sums)
    total = found.totals.group((), table.rows)
    if table.rows is Rows.CONVERSATIONS:
        total = with_leads(connection, table, query, conditions, total)
    return _answer(keys, found, total, table.rows) if group_by else Groups(total)


def _split(
    parts: SplitParts,
    keys: GroupKeys,
    shares: Sequence[tuple[GroupKey, float, float]],
    limit: int,
    found: _GroupSums,
) -> None:
    """Add up the parts in Python, and choose which groups are shown."""
    rows_of = found.figures.rows
    sizes: defaultdict[GroupKey, int] = defaultdict(int)
    for part in parts:
        for key in keys.of(part):
            sizes[key] += rows_of(part)
    for key, *_ in shares:
        sizes[key] += 0
    found.total = len(sizes)
    found.show(_first(keys, sizes, limit))
    for chunk in parts.chunks():
        found.totals.add(chunk)
        of_keys: defaultdict[GroupKey, list[Part]] = defaultdict(list)
        rest: list[Part] = []
        noted: list[GroupedValues] = []
        for part in chunk:
            of_part = keys.of(part)
            shown = [key for key in of_part if key in found.shown]
            rest += [part] * (len(of_part) - len(shown))
            if shown:
                noted.append((shown, part, rows_of(part)))
            for key in shown:
                of_keys[key].append(part)
        for key, of_key in of_keys.items():
            found.shown[key].add(of_key)
        keys.note_spellings(noted)
        found.rest.add(rest)
    for key, tokens, usd in shares:
        found.sums(key).add_share(tokens, usd)


def _shares(
    connection: Connection,
    table: RowTable,
    keys: GroupKeys,
    conditions: Sequence[ColumnElement[bool]],
) -> Iterable[tuple[GroupKey, float, float]]:
    """What to add to groups by model, whose tokens and costs are those of the model itself."""
    if table.rows is Rows.CONVERSATIONS and BY_NAME["model"] in keys.group_by:
        return model_shares.shares(connection, table, keys, conditions)
    return ()


def _first(keys: GroupKeys, sizes: dict[GroupKey, int], limit: int) -> list[GroupKey]:
    """The largest groups, the largest first, or of times the newest, the oldest first."""
    if any(isinstance(grouping, TimeUnit) for grouping in keys.group_by):
        return sorted(heapq.nlargest(limit, sizes, key=keys.time_order), key=keys.time_order)
    # Most groups are smaller than all that are shown, and comparing sizes alone takes less time.
    smallest = min(heapq.nlargest(limit, sizes.values()), default=0)
    large = (key for key, size in sizes.items() if size >= smallest)
    return heapq.nsmallest(limit, large, key=lambda key: (-sizes[key], key))


def _answer(keys: GroupKeys, found: _GroupSums, totals: RowGroup, rows: Rows) -> Groups:
    """The answer: the groups that are shown, and all others together."""
    shown = [sums.group(keys.shown(key), rows) for key, sums in found.shown.items()]
    other = found.rest.group((), rows) if len(shown) < found.total else None
    return Groups(totals, tuple(shown), found.total, other, keys.overlapping)
