"""The field values of leads that have one conversation, as most have: copied inside the database.

`lead_values` works out the same row, and does it where there is an older one to compare with.
"""

from collections.abc import Iterable
from functools import lru_cache

from sqlalchemy import Connection

from convocore_mcp.models import Lead
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.schema import CURRENT
from convocore_mcp.store.fields.conversation_values import StoredValue
from convocore_mcp.store.fields.field_columns import SOURCE
from convocore_mcp.store.fields.field_tables import conversation_fields, lead_fields
from convocore_mcp.store.fields.lead_values import LEAD_COLUMNS, WAITING_KEY, stored_items

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
"""How the columns come about that are no copy; the types are for PostgreSQL."""
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
