"""Rows counted and added up by group.

The engine groups by what is stored. Where it also knows the keys of an answer, and groups may be
many, the largest are found first (`top_groups`); else what has one key is added up here
(`split_groups`).
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
from convocore_mcp.store.field_queries.groups.group_keys import GroupKey, GroupKeys, Noted
from convocore_mcp.store.field_queries.groups.group_measures import add_samples
from convocore_mcp.store.field_queries.groups.lead_totals import with_leads
from convocore_mcp.store.field_queries.groups.split_groups import SplitParts
from convocore_mcp.store.field_queries.groups.top_groups import has_top, top_groups
from convocore_mcp.store.fields.row_tables import RowTable

CHANGING = (BY_NAME["overdue_activity"], BY_NAME["hot"])
"""Fields whose values change with time, which every count of leads depends on."""


class _Found:
    """What was added up: of all rows, of each group that is shown, and of all other groups."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures
        self.totals, self.rest = Sums(figures), Sums(figures)
        self.shown: dict[GroupKey, Sums] = {}
        """In the order of the answer."""
        self.total = 0
        """How many groups there are."""

    def show(self, keys: Iterable[GroupKey]) -> None:
        """These groups are shown."""
        self.shown = {key: Sums(self.figures) for key in keys}

    def sums(self, key: GroupKey) -> Sums:
        """The sums that rows with this key belong to."""
        return self.shown.get(key, self.rest)


def groups(
    connection: Connection,
    table: RowTable,
    query: RowQuery,
    fitting: Sequence[ColumnElement[bool]],
    group_by: Sequence[Grouping],
    measures: Sequence[Field],
    *,
    limit: int,
) -> Groups:
    """The rows that meet the conditions, by group; `limit` groups are shown."""
    columns = [group_column(connection, table, query, fitting, g) for g in group_by]
    keys, figures = GroupKeys(group_by, columns), Figures.of(table)
    found = _Found(figures)
    parts = SplitParts(connection, table, keys, figures, fitting)
    # Few groups are added up here: SQLite is faster then, a range of rows at a time.
    if has_top(columns) and not (table.sqlite and parts.are_few):
        top = top_groups(connection, table, columns, figures, fitting, limit)
        found.total = top.total
        found.show(top.parts)
        for key, of_key in top.parts.items():
            found.shown[key].add(of_key)
            keys.note_spellings([([key], part, figures.rows(part)) for part in of_key])
            found.totals.add(of_key)
        found.totals.add(top.rest)
        found.rest.add(top.rest)
    else:
        _split(parts, keys, list(_shares(connection, table, keys, fitting)), limit, found)
    add_samples(connection, table, keys, fitting, measures, found.totals, found.sums)
    total = found.totals.group((), table.rows)
    if table.rows is Rows.CONVERSATIONS:
        total = with_leads(connection, table, query, fitting, total)
    return _answer(keys, found, total, table.rows) if group_by else Groups(total)


def _split(
    parts: SplitParts,
    keys: GroupKeys,
    shares: Sequence[tuple[GroupKey, float, float]],
    limit: int,
    found: _Found,
) -> None:
    """Add up parts here."""
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
        noted: list[Noted] = []
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
    fitting: Sequence[ColumnElement[bool]],
) -> Iterable[tuple[GroupKey, float, float]]:
    """By model, tokens and their cost are those of each model itself."""
    if table.rows is Rows.CONVERSATIONS and BY_NAME["model"] in keys.group_by:
        return model_shares.shares(connection, table, keys, fitting)
    return ()


def _first(keys: GroupKeys, sizes: dict[GroupKey, int], limit: int) -> list[GroupKey]:
    """The largest groups, the largest first, or of times the newest, the oldest first."""
    if any(isinstance(grouping, TimeUnit) for grouping in keys.group_by):
        return sorted(heapq.nlargest(limit, sizes, key=keys.time_order), key=keys.time_order)
    return heapq.nsmallest(limit, sizes, key=lambda key: (-sizes[key], key))


def _answer(keys: GroupKeys, found: _Found, totals: RowGroup, rows: Rows) -> Groups:
    """The groups that are shown, and all others together."""
    shown = [sums.group(keys.shown(key), rows) for key, sums in found.shown.items()]
    other = found.rest.group((), rows) if len(shown) < found.total else None
    return Groups(totals, tuple(shown), found.total, other, keys.overlapping)
