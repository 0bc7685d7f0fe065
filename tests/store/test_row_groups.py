"""Groups, their figures and measures agree with plain Python over the same rows."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, time
from statistics import median
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.fields.grouping import TIME_UNITS, Grouping, TimeUnit
from convocore_mcp.fields.row_query import KnownValues, RowGroup
from convocore_mcp.fields.table import BY_NAME, Field, Kind, Rows
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.field_queries import row_values
from convocore_mcp.store.field_queries.groups import largest_keys, row_ranges, split_groups
from convocore_mcp.store.field_queries.groups.group_columns import group_column
from convocore_mcp.store.field_queries.groups.group_figures import Figures
from convocore_mcp.store.field_queries.groups.group_keys import GroupKeys
from convocore_mcp.store.field_queries.groups.split_groups import SplitParts
from convocore_mcp.store.fields.row_tables import RowTable
from tests.fields.plain_rows import FieldValues, fold
from tests.fields.raw_rows import RawRow, lists_of_raw_rows
from tests.store.row_store import ZONE, RowStore, field_named
from tests.store.steps import in_each_mirror
from tests.store.test_row_reader import BOTH, FEW_EXAMPLES, fields_of, plain_name

UNITS: dict[str, Callable[[datetime], str]] = {
    "day": lambda t: t.strftime("%Y-%m-%d"),
    "week": lambda t: t.strftime("%G-W%V"),
    "month": lambda t: t.strftime("%Y-%m"),
    "weekday": lambda t: t.strftime("%a"),
    "hour": lambda t: str(t.hour),
}
TIMED = ("last_activity", "created", "expected_close", "demo")


group_bounds = st.tuples(
    *(st.sampled_from(sizes) for sizes in ([0, 1], [2, 8_192], [0, 1_000_000], [0, 1_000]))
)
"""Bounds of the ways in which groups are found: groups for each row that are few, row numbers in a
range, bytes of keys that Python counts, and rows that are selected by their numbers."""


@contextmanager
def with_bounds(bounds: tuple[int, ...]) -> Iterator[None]:
    """Within the block, these bounds hold: groups of a few rows are found as those of very many."""
    few, row_range, max_bytes, max_numbers = bounds
    with (
        patch.object(split_groups, "MAX_PARTS_PER_ROW", few),
        patch.object(split_groups, "MAX_COSTLY_PARTS_PER_ROW", few),
        patch.object(row_ranges, "RANGE_SIZE", row_range),
        patch.object(largest_keys, "MAX_KEY_BYTES", max_bytes),
        patch.object(largest_keys, "MAX_NUMBERS", max_numbers),
    ):
        yield


def groupings(rows: Rows) -> list[Grouping]:
    kinds = {Kind.TEXT, Kind.CHOICE, Kind.FLAG, Kind.LIST, Kind.ID}
    by_field = [f for f in fields_of(rows) if f.kind in kinds]
    by_time = [TimeUnit(unit, BY_NAME[of]) for unit in TIME_UNITS for of in TIMED]
    return [*by_field, *by_time, field_named("data.budget")]


def is_day(moment: datetime, of: Field) -> bool:
    """Whether a date of the CRM is a day without a time."""
    local = moment.astimezone(ZONE)
    return of.name in ("expected_close", "demo") and local == datetime.combine(local, time(), ZONE)


def keys_of(row: FieldValues, grouping: Grouping) -> set[Any]:
    """The keys of a row in one grouping, by the plain reading; texts are folded."""
    if isinstance(grouping, TimeUnit):
        moment = row.get(grouping.of.name)
        if moment and grouping.unit == "hour" and is_day(moment, grouping.of):
            return {None}
        return {moment and UNITS[grouping.unit](moment.astimezone(ZONE))}
    value = row.get(plain_name(grouping.name))
    if isinstance(value, list):
        return {fold(item) for item in value}
    return {fold(value) if isinstance(value, str) else value}


def shown_key(key: Any) -> Any:
    return fold(key) if isinstance(key, str) else key


def plain_groups(rows: Iterable[FieldValues], grouping: Grouping) -> dict[Any, list[FieldValues]]:
    groups = defaultdict(list)
    for row in rows:
        for key in keys_of(row, grouping):
            groups[shown_key(key)].append(row)
    return groups


def figures(rows: list[FieldValues], kind: Rows) -> dict[str, Any]:
    """What a group of these rows counts, zeros left out."""
    if kind is Rows.LEADS:
        found = {
            "leads": len(rows),
            "waiting_for_human": sum(r["waiting"] for r in rows),
            "hot": sum(r["hot"] for r in rows),
            "overdue": sum(r["overdue_activity"] or r["overdue_close"] for r in rows),
            "unparsed_values": sum("value_text" in r for r in rows),
            "value": by_currency(rows),
        }
    else:
        rated = [r["rating"] for r in rows if "rating" in r]
        sums = {n: sum(r.get(n, 0) for r in rows) for n in ("messages", "ai_usd", "call_usd")}
        found = sums | {
            "waiting_for_human": sum(r.get("state") == "requested_chat" for r in rows),
            "tokens": sum(r.get("tokens", 0) for r in rows),
            "rated": len(rated),
            "rating_avg": sum(rated) / len(rated) if rated else None,
        }
    return {name: value for name, value in found.items() if value}


def by_currency(rows: list[FieldValues]) -> dict[Any, float]:
    sums: Counter[Any] = Counter()
    for row in rows:
        if "value" in row:
            sums[row.get("currency")] += row["value"]
    return dict(sums)


def answered(group: RowGroup, kind: Rows) -> dict[str, Any]:
    names = figures([], kind).keys() | {
        "waiting_for_human", "hot", "overdue", "unparsed_values", "value", "leads", "messages",
        "ai_usd", "call_usd", "tokens", "rated", "rating_avg",
    }  # fmt: skip
    return {name: value for name in names if (value := getattr(group, name))}


@pytest.mark.parametrize("rows", BOTH)
@FEW_EXAMPLES
@given(data=st.data(), raw=lists_of_raw_rows)
@in_each_mirror
def test_groups_count_what_plain_python_counts(
    database: Database, rows: Rows, data: st.DataObject, raw: list[RawRow]
) -> None:
    """docs/contract.md, "Tools": by any choice, flag, text or list, by time, one or two of them.

    Holds docs/contract.md #stats-arguments #zeros #time-keys.
    """
    store = RowStore(database)
    store.save_raw(raw)
    plain = list(store.plain(rows).values())

    for grouping in data.draw(st.lists(st.sampled_from(groupings(rows)), max_size=12)):
        expected = plain_groups(plain, grouping)
        with with_bounds(data.draw(group_bounds)):
            found = store.groups(rows, [grouping])
        counts = {shown_key(group.keys[0]): group.rows for group in found.groups}
        assert counts == {key: len(of_key) for key, of_key in expected.items()}, grouping
        assert found.total == len(expected)
        for group in found.groups:
            of_key = expected[shown_key(group.keys[0])]
            assert answered(group, rows) == figures(of_key, rows), grouping
        assert found.totals.rows == len(plain)


@pytest.mark.parametrize("rows", BOTH)
@FEW_EXAMPLES
@given(data=st.data(), raw=lists_of_raw_rows)
@in_each_mirror
def test_two_groupings_make_a_group_of_each_pair(
    database: Database, rows: Rows, data: st.DataObject, raw: list[RawRow]
) -> None:
    """docs/contract.md, "Tools": a row is in the group of its key in each grouping."""
    store = RowStore(database)
    store.save_raw(raw)
    first, second = data.draw(st.permutations(groupings(rows)))[:2]

    expected = Counter(
        (shown_key(a), shown_key(b))
        for row in store.plain(rows).values()
        for a in keys_of(row, first)
        for b in keys_of(row, second)
    )
    with with_bounds(data.draw(group_bounds)):
        found = store.groups(rows, [first, second])
    assert {(shown_key(a), shown_key(b)): g.rows for g in found.groups for a, b in [g.keys]} == (
        expected
    )


@pytest.mark.parametrize("rows", BOTH)
@FEW_EXAMPLES
@given(raw=lists_of_raw_rows)
@in_each_mirror
def test_measures_are_those_of_plain_python(
    database: Database, rows: Rows, raw: list[RawRow]
) -> None:
    """docs/contract.md, "Tools": n, sum, avg, median and max; money by currency.

    Holds docs/contract.md #measures.
    """
    store = RowStore(database)
    store.save_raw(raw)
    plain = plain_groups(store.plain(rows).values(), BY_NAME["stage"])
    names = ("value", "messages", "pickup_seconds", "ai_usd")

    for group in store.groups(rows, [BY_NAME["stage"]], *names).groups:
        of_group = plain[shown_key(group.keys[0])]
        for name in names:
            values = [row[name] for row in of_group if name in row]
            measure: Any = group.measures.get(name)
            if name == "value":
                assert {c: m.sum for c, m in (measure or {}).items()} == by_currency(of_group)
            elif not values:
                assert measure is None
            else:
                assert (measure.n, measure.max) == (len(values), max(values))
                assert measure.sum == pytest.approx(sum(values))
                assert measure.avg == pytest.approx(sum(values) / len(values))
                assert measure.median == pytest.approx(median(values))


def test_totals_of_conversations_count_each_lead_once(database: Database) -> None:
    """docs/contract.md, "Tools": a value is summed once for each lead.

    Holds docs/contract.md #totals-of-leads.
    """
    store = RowStore(database)
    person = {"contactIdentityId": "i1", "value": 500, "currency": "EUR", "hotLabel": "hot"}
    store.save_raw([{"ID": "a", **person}, {"ID": "b", "stage": "new", **person}])
    store.save_raw([{"ID": "c", "userName": "Bo", "value": "soon", "stage": "new"}])

    everything = store.groups(Rows.CONVERSATIONS, []).totals
    new = store.groups(Rows.CONVERSATIONS, [], where=["stage=new"]).totals

    for totals, rows in ((everything, 3), (new, 2)):
        assert (totals.rows, totals.leads, totals.hot) == (rows, 2, 1)
        assert (dict(totals.value), totals.unparsed_values) == ({"EUR": 500}, 1)


def test_tokens_by_model_are_the_share_of_each(database: Database) -> None:
    """docs/contract.md, "Tools": `usagePerModel` tells what each model had.

    Holds docs/contract.md #model-shares.
    """
    store = RowStore(database)
    usage = {
        "lastTurnModelId": "big", "cumulativeTotalTokens": 100, "cumulativeUsd": 2,
        "usagePerModel": {
            "small": {"modelId": "small", "totalTokens": 60, "usd": 0.5},
            "big": {"modelId": "big", "totalTokens": 40, "usd": 1.5},
        },
    }  # fmt: skip
    store.save_raw([{"ID": "a", "tokenUsage": usage}, {"ID": "b", "tokenUsage": {
        "lastTurnModelId": "Big", "cumulativeTotalTokens": 7, "cumulativeUsd": 1}}])  # fmt: skip

    found = store.groups(Rows.CONVERSATIONS, [BY_NAME["model"]])

    by_model = {fold(str(g.keys[0])): (g.rows, g.tokens, g.ai_usd) for g in found.groups}
    assert by_model == {"big": (2, 47, 2.5), "small": (0, 60, 0.5)}
    assert found.totals.tokens == 107


def test_what_is_beyond_the_largest_groups_is_added_up(database: Database) -> None:
    """docs/contract.md, "Tools": at most 100 groups; the rest is one, and their number is told.

    Holds docs/contract.md #largest-groups.
    """
    store = RowStore(database)
    store.save_raw(
        {"ID": f"c{n}", "source": "big" if n < 3 else f"s{n}", "messagesNum": 2} for n in range(113)
    )

    found = store.groups(Rows.CONVERSATIONS, [BY_NAME["source"]])

    assert (len(found.groups), found.total) == (100, 111)
    assert (found.groups[0].keys, found.groups[0].rows) == (("big",), 3)
    assert found.other is not None
    assert (found.other.rows, found.other.messages) == (11, 22)


@pytest.mark.parametrize("rows", BOTH)
@FEW_EXAMPLES
@given(data=st.data(), raw=lists_of_raw_rows)
@in_each_mirror
def test_a_limit_lists_the_largest_groups_and_adds_up_all_others(
    database: Database, rows: Rows, data: st.DataObject, raw: list[RawRow]
) -> None:
    """docs/contract.md, "Tools": the largest (of times the newest), the rest together."""
    store = RowStore(database)
    store.save_raw(raw)
    plain = list(store.plain(rows).values())

    for grouping in data.draw(st.lists(st.sampled_from(groupings(rows)), max_size=6)):
        expected = plain_groups(plain, grouping)
        with with_bounds(data.draw(group_bounds)):
            found = store.groups(rows, [grouping], "messages", limit=2)
        shown = {shown_key(group.keys[0]) for group in found.groups}
        assert (len(shown), found.total) == (min(2, len(expected)), len(expected)), grouping
        if not isinstance(grouping, TimeUnit):
            sizes = sorted(map(len, expected.values()), reverse=True)
            assert [group.rows for group in found.groups] == sizes[:2], grouping
        rest = [row for key, of_key in expected.items() if key not in shown for row in of_key]
        assert (found.other is None) == (len(expected) <= 2)
        if found.other is not None:
            assert answered(found.other, rows) == figures(rest, rows), grouping
            measured: Any = found.other.measures.get("messages")
            counts = [row["messages"] for row in rest if "messages" in row]
            assert (measured.n if measured else 0) == len(counts)


@pytest.mark.parametrize("rows", BOTH)
def test_of_two_groupings_the_largest_pairs_are_listed(database: Database, rows: Rows) -> None:
    """docs/contract.md, "Tools": spellings are one group, under the most frequent one."""
    store = RowStore(database)
    sources = ["Ads", "ads", "Ads", "fair", "fair", ""]
    store.save_raw(
        {"ID": f"c{n}", "userName": f"Bo {n}", "source": source, "countryCode": "de",
         "capturedVariables": {"plan": "Pro" if n else "pro"}, "value": 5 * (n % 2)}
        for n, source in enumerate(sources)
    )  # fmt: skip

    found = store.groups(rows, [BY_NAME["source"], field_named("data.plan")], limit=1)
    last = store.groups(rows, [BY_NAME["source"], field_named("data.plan")], limit=3)

    assert [(group.keys, group.rows) for group in found.groups] == [(("Ads", "Pro"), 3)]
    assert found.other is not None
    assert (found.total, found.other.rows) == (3, 3)
    assert [group.keys for group in last.groups][1:] == [("fair", "Pro"), (None, "Pro")]
    assert last.other is None


def test_ids_are_distinguished_by_every_character(database: Database) -> None:
    """Ours: SQLite's keys come as one text, and an ID may have what separates other keys."""
    store = RowStore(database)
    ids = {"a", "b", "a\x02b", 'a","b', "a\x01"}
    store.save_raw({"ID": id_} for id_ in ids)

    with with_bounds((0, 8_192, 200_000, 1_000)):
        found = store.groups(Rows.CONVERSATIONS, [BY_NAME["id"]])

    assert {group.keys: group.rows for group in found.groups} == {(id_,): 1 for id_ in ids}


def test_parts_that_are_not_kept_are_read_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: with very many groups of a list, memory holds those that are shown."""
    store = RowStore(database)
    store.save_raw({"ID": f"c{n}", "tags": [f"t{n % 7}", "all"]} for n in range(30))
    query, now = store.query(Rows.CONVERSATIONS), store.rows.sequence_number()
    monkeypatch.setattr(row_ranges, "RANGE_SIZE", 10)
    monkeypatch.setattr(split_groups, "MAX_PARTS_PER_ROW", 1)

    with database.reading() as connection:
        table = RowTable.of(query, connection)
        valid = [table.valid_at(query.agents, now)]
        columns = [group_column(connection, table, query, valid, BY_NAME["tags"])]
        keys, figures = GroupKeys([BY_NAME["tags"]], columns), Figures.of(table)
        kept = SplitParts(connection, table, keys, figures, valid)
        streamed = SplitParts(connection, table, keys, figures, valid, max_kept=3)
        assert kept.are_few
        assert len(list(kept)) == 7
        assert list(kept) == list(kept) == [part for chunk in kept.chunks() for part in chunk]
        assert list(streamed) == [part for chunk in streamed.chunks() for part in chunk]
        for parts in (kept, streamed):
            assert sum(map(figures.rows, parts)) == 30


def test_values_come_the_most_frequent_first_in_their_usual_spelling(database: Database) -> None:
    """Ours: what a filter may name, when it names something that does not exist."""
    store = RowStore(database)
    sources = ["Ads", "ads", "Ads", "fair"]
    store.save_raw({"ID": f"c{n}", "source": s, "tags": ["VIP"]} for n, s in enumerate(sources))

    for name, expected in (
        ("source", ["Ads", "fair"]),
        ("tags", ["VIP"]),
        ("id", ["c0", "c1", "c2", "c3"]),
        ("email", []),
    ):
        known = store.rows.values(Rows.CONVERSATIONS, [store.agent], BY_NAME[name], near="x")
        assert known == KnownValues(tuple(expected), len(expected))


def test_of_very_many_values_those_that_begin_alike_are_found(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours: of email addresses there are as many as rows, and one of them was meant."""
    monkeypatch.setattr(row_values, "MAX_FIELD_VALUES", 5)
    monkeypatch.setattr(row_values, "NEIGHBOURS", 2)
    store = RowStore(database)
    names = ("Ada", "Ann", "anne", "Bea", "Bo", "Cy", "Di")
    store.save_raw(
        {"ID": f"c-{n}", "userEmail": f"{n}@x.example", "instagram": f"@{n}",
         "capturedVariables": {"who": n}} for n in names
    )  # fmt: skip

    for field, near, expected in (
        ("id", "c-Anna", ["c-Ann", "c-Ada", "c-Bea", "c-Bo"]),
        ("email", "ANNA@x.example", ["Ann@x.example", "anne@x.example", "Ada@x.example"]),
        ("links", "@zoe", ["@Cy", "@Di"]),
        ("data.who", "Anna", ["Ann", "anne", "Ada", "Bea"]),
    ):
        known = store.rows.values(Rows.CONVERSATIONS, [store.agent], field_named(field), near=near)
        assert list(known.values)[: len(expected)] == expected, field
        assert (known.total, known.more) == (5, True)
