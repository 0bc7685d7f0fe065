"""The field values of leads that have one conversation, as most have: copied inside the database.

`lead_values` computes the same row in Python; it is used where an older row must be compared.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from sqlalchemy import Connection

from convocore_mcp.models import Lead
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.schema import CURRENT
from convocore_mcp.store.fields.conversation_values import StoredValue
from convocore_mcp.store.fields.field_columns import SOURCE
from convocore_mcp.store.fields.field_tables import conversation_fields, lead_fields
from convocore_mcp.store.fields.lead_values import (
    LEAD_COLUMNS,
    MARKS_OF_ONE_ITEM,
    UNIONS,
    WAITING_KEY,
    stored_items,
)
from convocore_mcp.store.fields.text_keys import ITEM_MARK

_GIVEN = {
    "valid_from": "CAST(? AS BIGINT)",
    "valid_to": str(CURRENT),
    "hot_score": "CAST(? AS DOUBLE PRECISION)",
    "conversations": "1",
    "lead_id": "CAST(? AS TEXT)",
    "waiting": f"COALESCE(state = '{WAITING_KEY}', FALSE)",
    "channels": "CAST(? AS TEXT)",
    "channels_items": "CAST(? AS TEXT)",
}
"""How the columns that are not copied are computed; the types are for PostgreSQL."""
_COLUMNS = ("valid_from", "valid_to", *LEAD_COLUMNS)
_GIVEN_IN_ORDER = [name for name in _COLUMNS if "?" in _GIVEN.get(name, "")]


def _expression(column: str) -> str:
    if column in _GIVEN:
        return _GIVEN[column]
    if column.endswith(SOURCE):  # the version that has the long text
        text = column.removesuffix(SOURCE)
        return f"CASE WHEN {text} IS NULL THEN NULL ELSE valid_from END"
    return column


_SELECT = (
    f"SELECT {', '.join(map(_expression, _COLUMNS))} FROM {conversation_fields.name} "  # noqa: S608
    "WHERE valid_from = ?"
)


def single_leads(
    connection: Connection, leads: Iterable[Lead], versions: Mapping[str, int]
) -> list[tuple[Lead, int]]:
    """The leads that can be copied, each with the version of its only conversation.

    `versions` has the current version of each conversation. A conversation may name an item of a
    list twice, and its lead has it once: that is no copy.
    """
    single = [
        (lead, versions[lead.conversation_ids[0]])
        for lead in leads
        if len(lead.conversation_ids) == 1
    ]
    columns = tuple(conversation_fields.c[name] for name in ("valid_from", *UNIONS))
    rows = bulk.rows_in(connection, columns, columns[0], {version for _, version in single})
    repeated = {row[0] for row in rows if any(map(_has_repetition, row[1:]))}
    return [(lead, version) for lead, version in single if version not in repeated]


def _has_repetition(key: str | None) -> bool:
    if key is None or key.count(ITEM_MARK) == MARKS_OF_ONE_ITEM:
        return False
    items = key[1:-1].split(ITEM_MARK)
    return len(set(items)) < len(items)


def insert_single_leads(
    connection: Connection, leads: Iterable[tuple[Lead, int]], *, number: int
) -> None:
    """Insert new leads, each with the version of its only conversation; they begin at `number`."""
    rows = ((*_given(lead, number), version) for lead, version in leads)
    bulk.insert_selected(connection, lead_fields, _COLUMNS, _SELECT, rows)


def _given(lead: Lead, number: int) -> Iterable[StoredValue]:
    channels, items = (None, None) if lead.channel is None else _channels(lead.channel)
    values: dict[str, StoredValue] = {
        "valid_from": number,
        "hot_score": lead.hot_score,
        "lead_id": storable(lead.lead_id),
        "channels": channels,
        "channels_items": items,
    }
    return [values[name] for name in _GIVEN_IN_ORDER]


@lru_cache(maxsize=1024)
def _channels(channel: str) -> tuple[str | None, str | None]:
    return stored_items((storable(channel),))
