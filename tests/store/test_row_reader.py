"""Questions about rows agree with a plain reading of the same rows, in every kind of mirror."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convocore_mcp.fields.conditions import OPERATORS, Operator
from convocore_mcp.fields.grouping import Sort
from convocore_mcp.fields.table import FIELDS, Field, Kind, Rows
from convocore_mcp.store.database.engine import Database
from tests.fields.plain_rows import FieldValues, fold, holds, number
from tests.fields.raw_rows import NOW, RawRow, lists_of_raw_rows, raw_rows
from tests.property_tests import examples
from tests.store.row_store import ZONE, RowStore, field_named, id_field
from tests.store.steps import in_each_mirror

BOTH = (Rows.CONVERSATIONS, Rows.LEADS)
FEW_EXAMPLES = settings(
    max_examples=examples(4),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
DATA_FIELDS = ("data.budget", "data.BUDGET grosse", 'data.a "quoted" \\ name', "data.$.x")
TEXTS = (
    "won", "GROSSE m", "Größe", "refund", "zoe", "Zoë Ünal", "off_now", "50%", "東", "web chat",
    "o'brien", "gpt-5-mini", "ana", "TOM@x.example", "u9", "de", "hot", "vip", "red wine", "réd",
    "the refunds, please", "https://x.example/ann", "requested_chat", "c1", "i1", "lost",
)  # fmt: skip
NUMBERS = ("0", "1", "75", "10000", "25k", "0.25")
TODAY = datetime(2026, 7, 20, tzinfo=ZONE)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
TIMES = {
    "today": (TODAY, TODAY + DAY),
    "yesterday": (TODAY - DAY, TODAY),
    "2026-07-21": (TODAY + DAY, TODAY + 2 * DAY),
    "now": (NOW, NOW + SECOND),
    "1h": (NOW - timedelta(hours=1), NOW - timedelta(hours=1) + SECOND),
    "2026-07-19T21:30:00Z": (
        datetime.fromisoformat("2026-07-19T21:30:00Z"),
        datetime.fromisoformat("2026-07-19T21:30:01Z"),
    ),
    "next_month": (datetime(2026, 8, 1, tzinfo=ZONE), datetime(2026, 9, 1, tzinfo=ZONE)),
}
"""Each with its first moment, and the first moment after it."""


class WrittenCondition(NamedTuple):
    """A condition, as it is written and as the plain reading takes it."""

    field: str
    operator: str
    operands: tuple[Any, ...]
    text: str


def fields_of(rows: Rows) -> list[Field]:
    return [field for field in FIELDS if field.rows in {rows, Rows.BOTH}]


def _operands(kind: Kind | None, operator: Operator) -> dict[str, Any]:
    """The values that a field may be compared with, by how they are written."""
    if kind in {Kind.TIME, Kind.DATE}:
        return dict(TIMES)
    ordered = operator in {Operator.GREATER, Operator.AT_LEAST, Operator.LESS, Operator.AT_MOST}
    if kind in {Kind.NUMBER, Kind.MONEY} or ordered:
        return {text: number(text) for text in NUMBERS}
    if kind is Kind.FLAG:
        return {"true": True, "no": False}
    return {text: text for text in (*TEXTS, *(NUMBERS if kind is None else ()))}


@st.composite
def conditions(draw: st.DrawFn, rows: Rows) -> WrittenCondition:
    kinds: dict[str, Kind | None] = {field.name: field.kind for field in fields_of(rows)}
    kinds |= dict.fromkeys(DATA_FIELDS)
    name = draw(st.sampled_from(sorted(kinds)))
    kind = kinds[name]
    operator = draw(st.sampled_from(sorted(OPERATORS[kind] if kind else Operator)))
    if operator in {Operator.EXISTS, Operator.MISSING}:
        return WrittenCondition(name, operator, (), f"{name} {operator}")
    known = _operands(kind, operator)
    given = draw(st.lists(st.sampled_from(sorted(known)), min_size=1, max_size=3, unique=True))
    operands = tuple(known[text] for text in given)
    return WrittenCondition(name, operator, operands, f"{name}{operator}{'|'.join(given)}")


def plain_ids(rows: dict[str, FieldValues], asked: Sequence[WrittenCondition]) -> set[str]:
    """Those that meet every condition, by the plain reading."""
    return {
        id_
        for id_, row in rows.items()
        if all(holds(row, plain_name(c.field), c.operator, c.operands) for c in asked)
    }


def plain_name(field: str) -> str:
    return f"data.{fold(field[5:])}" if field.startswith("data.") else field


@pytest.mark.parametrize("rows", BOTH)
@FEW_EXAMPLES
@given(data=st.data(), raw=lists_of_raw_rows)
@in_each_mirror
def test_conditions_find_what_a_plain_filter_finds(
    database: Database, rows: Rows, data: st.DataObject, raw: list[RawRow]
) -> None:
    """docs/contract.md, "Fields": every field and operator, on both kinds of rows.

    Holds docs/contract.md #future #where #periods-compared #missing #text-compares.
    """
    store = RowStore(database)
    store.save_raw(raw)
    plain = store.plain(rows)

    for asked in data.draw(
        st.lists(st.lists(conditions(rows), min_size=1, max_size=2), max_size=8)
    ):
        expected = plain_ids(plain, asked)
        assert store.ids(rows, *(c.text for c in asked)) == expected, [c.text for c in asked]


EVERY = [
    (rows, name, operator)
    for rows in BOTH
    for name, kind in [
        *((f.name, f.kind) for f in fields_of(rows)),
        *((d, None) for d in DATA_FIELDS),
    ]
    for operator in sorted(OPERATORS[kind] if kind else Operator)
]


def are_varied(rows: list[RawRow]) -> bool:
    """Whether nearly all that a row can hold is in several of them.

    The first example that is drawn is the simplest, rows with an ID alone: they try nothing.
    """
    held = Counter(name for row in rows for name in row)
    return sum(count > 2 for count in held.values()) >= MAX_NAMES


MAX_NAMES = 45
many_rows = st.lists(raw_rows, min_size=10, max_size=13, unique_by=lambda row: row["ID"]).filter(
    are_varied
)


@settings(FEW_EXAMPLES, max_examples=examples(1))  # it asks some six hundred questions
@given(raw=many_rows)
@in_each_mirror
def test_every_field_takes_each_of_its_operators(database: Database, raw: list[RawRow]) -> None:
    """docs/contract.md, "Fields": a sweep over all of them, so that chance leaves none out.

    Holds docs/contract.md #one-vocabulary.
    """
    store = RowStore(database)
    store.save_raw(raw)

    plain = {rows: store.plain(rows) for rows in BOTH}
    asked: dict[Rows, list[WrittenCondition]] = {rows: [] for rows in BOTH}
    distinguishing: dict[tuple[Rows, str, Operator], str | None] = {}
    for index, (rows, name, operator) in enumerate(EVERY):
        kind = getattr(field_named(name), "kind", None)
        known = _operands(kind, operator)
        like = Operator.HAS if operator in {Operator.HAS, Operator.HAS_NOT} else Operator.EQUAL
        if (rows, name, like) not in distinguishing:
            distinguishing[rows, name, like] = distinguishing_operand(
                plain[rows], name, like, known
            )
        text = distinguishing[rows, name, like]
        text = text if text in known else [*known][index % len(known)]
        operand = known[text]
        word = operator in {Operator.EXISTS, Operator.MISSING}
        written = f"{name} {operator}" if word else f"{name}{operator}{text}"
        asked[rows].append(WrittenCondition(name, operator, (operand,), written))
    for rows in BOTH:
        found = store.ids_of_each(rows, [each.text for each in asked[rows]])
        for each, ids in zip(asked[rows], found, strict=True):
            assert ids == plain_ids(plain[rows], [each]), each.text


def distinguishing_operand(
    rows: dict[str, FieldValues], name: str, operator: Operator, known: dict[str, Any]
) -> str | None:
    """An operand that some rows have and others lack, if any: on it, `<` and `<=` differ."""
    for text, operand in known.items():
        if 0 < len(plain_ids(rows, [WrittenCondition(name, operator, (operand,), "")])) < len(rows):
            return text
    return None


@FEW_EXAMPLES
@given(raw=lists_of_raw_rows)
@in_each_mirror
def test_rows_show_the_values_that_the_plain_reading_has(
    database: Database, raw: list[RawRow]
) -> None:
    """docs/contract.md, "Fields": what each means; what is unknown is left out.

    Holds docs/contract.md #created #next-due #spans #crm-days #merged #sums-and-unions
    #any-of-them.
    """
    store = RowStore(database)
    store.save_raw(raw)
    at = store.rows.sequence_number()

    for rows in BOTH:
        fields = [*fields_of(rows), *map(field_named, DATA_FIELDS)]
        found = store.rows.find(
            store.query(rows), fields=fields, sort=Sort(None), limit=100, at=at, after=None
        )
        shown = {str(row.values[id_field(rows)]): comparable(row.values) for row in found}
        plain = {id_: comparable(row) for id_, row in store.plain(rows).items()}
        assert differences(shown, plain) == []


def differences(
    shown: dict[str, FieldValues], plain: dict[str, FieldValues]
) -> list[tuple[Any, ...]]:
    """Each field of each row that differs, with both values."""
    return [
        (id_, name, shown.get(id_, {}).get(name), plain.get(id_, {}).get(name))
        for id_ in shown.keys() | plain.keys()
        for name in shown.get(id_, {}).keys() | plain.get(id_, {}).keys()
        if shown.get(id_, {}).get(name) != plain.get(id_, {}).get(name)
    ]


def comparable(row: Any) -> FieldValues:
    """Lists without order and spelling, captured variables by their folded names."""
    plain = {}
    for name, value in row.items():
        if name == "assignees":
            continue
        items = isinstance(value, list | tuple)
        plain[plain_name(name)] = sorted({fold(v) for v in value}) if items else value
    asked = {plain_name(name) for name in DATA_FIELDS}
    return {n: v for n, v in plain.items() if not n.startswith("data.") or n in asked}


def sort_key(row: FieldValues, name: str, *, descending: bool) -> tuple[Any, ...]:
    """Missing last; ties by last activity, newest first, then by id."""
    active = row["last_activity"].timestamp() if "last_activity" in row else float("-inf")
    value = row.get(plain_name(name))
    return (value is None, *([] if value is None else [value]), -active)


SORTS = [
    Sort(None),
    *(Sort(field, d) for field in FIELDS for d in (False, True)),
    *(Sort(field_named("data.budget"), d) for d in (False, True)),
]


@pytest.mark.parametrize("rows", BOTH)
@FEW_EXAMPLES
@given(data=st.data(), first=lists_of_raw_rows, second=lists_of_raw_rows)
@in_each_mirror
def test_paging_gives_every_row_once_while_rows_change(
    database: Database, rows: Rows, data: st.DataObject, first: list[RawRow], second: list[RawRow]
) -> None:
    """docs/contract.md, "Tools": every match exactly once, whatever arrives meanwhile.

    Holds docs/contract.md #paging-once #leads-paging.
    """
    of_rows = [
        s for s in SORTS if s.field is None or getattr(s.field, "rows", rows) in {rows, Rows.BOTH}
    ]
    sort = data.draw(st.sampled_from(of_rows))
    store = RowStore(database)
    store.save_raw(first)
    store.first_sync_done()
    before = store.plain(rows)
    at = store.rows.sequence_number()

    seen = []
    for page in store.row_pages(rows, sort, limit=2, at=at):
        seen += [str(row.values[id_field(rows)]) for row in page]
        if second:
            store.save_raw([second.pop()], minute=len(seen))

    assert sorted(seen) == sorted(before)
    assert len(seen) == len(set(seen))
    if second:
        assert store.rows.count(store.query(rows), at=at) == len(before)


@settings(FEW_EXAMPLES, max_examples=examples(1))  # it asks some hundred questions
@given(raw=many_rows)
@in_each_mirror
def test_rows_come_in_the_order_that_was_asked_for(database: Database, raw: list[RawRow]) -> None:
    """docs/contract.md, "Fields": by any field, in both directions; what is missing comes last.

    Holds docs/contract.md #missing-last.
    """
    store = RowStore(database)
    store.save_raw(raw)
    at = store.rows.sequence_number()

    for rows in BOTH:
        plain = store.plain(rows)
        for field in fields_of(rows):
            if field.kind in {Kind.TEXT, Kind.CHOICE, Kind.LIST}:
                continue
            for descending in (False, True):
                pages = store.row_pages(rows, Sort(field, descending), limit=5, at=at)
                ids = [str(row.values[id_field(rows)]) for page in pages for row in page]
                assert ids == plain_order(plain, field.name, rows, descending=descending)


def plain_order(
    plain: dict[str, FieldValues], name: str, rows: Rows, *, descending: bool
) -> list[str]:
    """The ids in order: several stable sorts, the least important first."""
    ids = sorted(plain, reverse=rows is Rows.CONVERSATIONS)
    ids.sort(key=lambda id_: _active(plain[id_]), reverse=True)
    with_value = [id_ for id_ in ids if name in plain[id_]]
    without = [id_ for id_ in ids if name not in plain[id_]]
    return [*sorted(with_value, key=lambda id_: plain[id_][name], reverse=descending), *without]


def _active(row: FieldValues) -> float:
    return row["last_activity"].timestamp() if "last_activity" in row else float("-inf")
