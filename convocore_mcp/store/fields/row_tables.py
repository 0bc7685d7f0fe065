"""The two kinds of row, as the tables that hold them, and the parts of SQL that engines differ in.

Every expression here is over one row of the table of its kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Float,
    Table,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from convocore_mcp.fields.conditions import DataField
from convocore_mcp.fields.row_query import RowQuery
from convocore_mcp.fields.table import Field, Rows, Storage
from convocore_mcp.store.database.columns import Sql, Text
from convocore_mcp.store.database.schema import UNKNOWN, agents
from convocore_mcp.store.fields.conversation_values import data_name
from convocore_mcp.store.fields.field_tables import conversation_fields, lead_fields
from convocore_mcp.store.fields.word_forms import other_forms

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment: datetime) -> int:
    """A moment as it is stored."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class RowTable:
    """The table of a kind of row, seen from one question."""

    rows: Rows
    dialect: Dialect
    now: int
    """The present, in milliseconds: decides about what is overdue."""
    hot_from: float
    other_forms: Callable[[str], list[str]]
    """The inflections of a word that occur."""
    whole: bool = False
    """Whether all rows belong to the agents of the question: then no row's agent is looked at."""

    @classmethod
    def of(cls, query: RowQuery, connection: Connection) -> "RowTable":
        """The table that a question is about."""
        forms = partial(other_forms, connection, query.agents)
        now = to_ms(query.clock.now)
        others = select(agents.c.agent_id).where(agents.c.agent_id.not_in(query.agents)).limit(1)
        whole = connection.scalar(others) is None
        return cls(query.rows, connection.dialect, now, query.hot_from, forms, whole)

    @property
    def table(self) -> Table:
        """The table."""
        return lead_fields if self.rows is Rows.LEADS else conversation_fields

    @property
    def sqlite(self) -> bool:
        """Whether the engine is SQLite."""
        return self.dialect.name == "sqlite"

    @property
    def row_number(self) -> Sql:
        """The column that identifies a version."""
        return self.column("number" if self.rows is Rows.LEADS else "valid_from")

    @property
    def row_id(self) -> Sql:
        """The column that identifies a row among those of its agent."""
        return self.column("lead_id" if self.rows is Rows.LEADS else "id")

    @property
    def newest(self) -> Sql:
        """The last activity; what is unknown is earlier than everything."""
        return func.coalesce(self.column("last_activity"), literal_column(str(UNKNOWN)))

    def column(self, name: str) -> Sql:
        """A column of the table."""
        return self.table.c[name]

    def valid_at(self, of: tuple[str, ...], at: int) -> ColumnElement[bool]:
        """The versions of these agents that were valid at a change."""
        begun = self.column("valid_from")
        # Else SQLite takes this for the range of rows to read, in place of a smaller one.
        begun = begun + literal_column("0") if self.sqlite else begun
        valid = and_(begun <= at, self.column("valid_to") > at)
        if self.whole:
            return valid
        # An index on the agent would find most rows, one by one.
        of_agents = self.column("agent_id").concat("").in_(of)
        return and_(of_agents if self.sqlite else self.column("agent_id").in_(of), valid)

    def value(self, field: Field) -> Sql:
        """What a field is compared and sorted by; `NULL` where it is missing."""
        if field.storage is not Storage.NONE:
            return self.column(field.name)
        match field.name:
            case "overdue_activity":
                return func.coalesce(self.column("activity_overdue_at") <= self.now, False)
            case "overdue_close":
                return func.coalesce(self.column("close_overdue_at") <= self.now, False)
            case "hot":
                return func.coalesce(self.column("hot_score") >= self.hot_from, False)
            case _:
                return self._next_due()

    def _next_due(self) -> Sql:
        """The earliest due date that is not overdue: the first one, unless that is overdue."""
        overdue_at, first = self.column("activity_overdue_at"), self.column("first_due_at")
        return case((first.is_(None), null()), (overdue_at > self.now, first), else_=self._later())

    def _later(self) -> Sql:
        due_times = self.column("due_times")
        if self.sqlite:
            pairs = func.json_each(due_times).table_valued("value", name="due_times")
            at = cast(func.json_extract(pairs.c.value, "$[0]"), BigInteger)
            overdue_at = cast(func.json_extract(pairs.c.value, "$[1]"), BigInteger)
        else:
            pairs = func.jsonb_array_elements(cast(due_times, JSONB)).table_valued(
                "value", name="due_times"
            )
            at = cast(func.jsonb_extract_path_text(pairs.c.value, "0"), BigInteger)
            overdue_at = cast(func.jsonb_extract_path_text(pairs.c.value, "1"), BigInteger)
        later = select(func.min(at)).select_from(pairs).where(overdue_at > self.now)
        return later.correlate(self.table).scalar_subquery()

    def data(self, field: DataField, part: int) -> Sql:
        """Of a captured variable: its key (0), its number (1) or its text (2)."""
        data, name = self.column("data"), data_name(field.key)
        if self.sqlite:
            # Most rows lack the variable, and finding its name is cheaper than reading JSON.
            has_name = func.instr(data, f'"{name}":') > 0
            value = func.json_extract(data, f'$."{name}"[{part}]')
            found: Sql = case((has_name, value), else_=null())
            return cast(found, Float) if part == 1 else cast(found, Text)
        found = func.jsonb_extract_path_text(cast(data, JSONB), name, str(part))
        return cast(found, Float) if part == 1 else cast(found, Text)

    def data_entry(self, field: DataField) -> Sql:
        """Key, number and text of a captured variable together, as a JSON array."""
        data, name = self.column("data"), data_name(field.key)
        if self.sqlite:
            has_name = func.instr(data, f'"{name}":') > 0
            return case((has_name, func.json_extract(data, f'$."{name}"')), else_=null())
        return cast(func.jsonb_extract_path(cast(data, JSONB), name), Text)

    def key_of_entry(self, entry: Sql) -> Sql:
        """The key of a captured variable, from `data_entry`."""
        if self.sqlite:
            return cast(func.json_extract(entry, "$[0]"), Text)
        return cast(func.jsonb_extract_path_text(cast(entry, JSONB), "0"), Text)

    def contains(self, text: Sql, part: str) -> ColumnElement[bool]:
        """Whether `part` occurs in `text`; no character of it has a meaning."""
        find = func.instr if self.sqlite else func.strpos
        return find(text, literal(part, Text)) > 0
