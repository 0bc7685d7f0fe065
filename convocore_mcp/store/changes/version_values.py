"""The values of fields that versions of conversations had."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from convocore_mcp.fields.table import DATA_PREFIX, FIELDS, Field, Rows
from convocore_mcp.models import Conversation, ReadValue
from convocore_mcp.store.database.parsed_records import stored_list, stored_object
from convocore_mcp.store.database.rows import chunks, from_milliseconds
from convocore_mcp.store.fields.conversation_values import folded_data_name
from convocore_mcp.store.fields.field_columns import fields_of, is_long
from convocore_mcp.store.fields.field_tables import conversation_fields
from convocore_mcp.store.fields.row_tables import RowTable
from convocore_mcp.store.fields.shown_values import ShownField, shown_fields

KEY_FIELDS = frozenset({"id", "lead_id", "agent_id"})
"""Fields that say which row it is: `changed` never names them."""
_c = conversation_fields.c
_FURTHER_COLUMNS = ("activity_overdue_at", "close_overdue_at", "due_times", "data")
OVERDUE = {"overdue_activity": "activity_overdue_at", "overdue_close": "close_overdue_at"}
"""The flags that follow from a stored moment, and its column."""
_COMPARED: tuple[Field, ...] = tuple(
    field
    for field in FIELDS
    if field in fields_of(Rows.CONVERSATIONS)
    and field.name not in KEY_FIELDS
    and not is_long(field)
)


@dataclass(frozen=True, slots=True)
class VersionValues:
    """The stored values of one version. Some depend on the time at which one looks."""

    plain: Mapping[str, ReadValue]
    overdue_at: Mapping[str, int | None]
    """For each flag in `OVERDUE`, from when on it is set (Unix milliseconds)."""
    due_times: tuple[tuple[int, int], ...]
    """When each open activity is due, and from when on it is overdue."""

    def at(self, now: int, texts: Conversation) -> dict[str, ReadValue]:
        """All values at a time; `texts` is the same version, for its long texts."""
        values: dict[str, ReadValue] = {
            name: value for name, value in self.plain.items() if value is not None
        }
        for name, moment in self.overdue_at.items():
            values[name] = moment is not None and moment <= now
        coming = [due for due, overdue_at in self.due_times if overdue_at > now]
        others = {
            "next_due": from_milliseconds(min(coming)) if coming else None,
            "title": texts.title,
            "summary": texts.summary,
            "notes": texts.notes,
            "preview": texts.last_message or texts.summary,
        }
        return values | {name: value for name, value in others.items() if value is not None}


NOTHING_STORED = VersionValues({}, dict.fromkeys(OVERDUE), ())


def read_values(connection: Connection, versions: Iterable[int]) -> dict[int, VersionValues]:
    """The values of these versions, by `valid_from`."""
    table = RowTable(Rows.CONVERSATIONS, connection.dialect, 0, 0, lambda _: [])
    shown = shown_fields(table, _COMPARED)
    columns = [column for field in shown for column in field.columns]
    query = select(_c.valid_from, *(_c[name] for name in _FURTHER_COLUMNS), *columns)
    return {
        row[0]: _values(row, shown)
        for part in chunks(sorted(set(versions)))
        for row in connection.execute(query.where(_c.valid_from.in_(part)))
    }


def _values(row: Iterable[object], shown: Iterable[ShownField]) -> VersionValues:
    _, activity, close, due_times, data, *parts = row
    plain: dict[str, ReadValue] = {}
    begin = 0
    for field in shown:
        end = begin + len(field.columns)
        plain[field.name] = field.read(parts[begin:end])
        begin = end
    for name, (key, _number, text) in stored_object(data).items() if data else ():
        plain[DATA_PREFIX + folded_data_name(name)] = key if text is None else text
    return VersionValues(
        plain=plain,
        overdue_at={
            "overdue_activity": activity if isinstance(activity, int) else None,
            "overdue_close": close if isinstance(close, int) else None,
        },
        due_times=tuple((at, overdue_at) for at, overdue_at in stored_list(due_times))
        if due_times
        else (),
    )
