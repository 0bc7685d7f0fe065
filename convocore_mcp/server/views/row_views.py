"""Rows of lists: the fields that they show, and how each value is written."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, tzinfo

from convocore_mcp.fields.conditions import find_field
from convocore_mcp.fields.grouping import FieldName
from convocore_mcp.fields.row_query import FoundRow
from convocore_mcp.fields.table import BY_NAME, FIELDS, Field, FieldValue, Kind, Rows
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.server.views.view_builders import MAX_TAGS, plain_number, rfc3339

BRIEF_CONVERSATION = (
    "id", "lead_id", "name", "company", "channel", "state", "stage", "label", "score", "value",
    "currency", "tags", "assignee", "last_activity", "waiting_since", "messages", "preview",
    "test", "blocked",
)  # fmt: skip
FULL_CONVERSATION = (
    *BRIEF_CONVERSATION, "email", "phone", "title", "summary", "notes", "source", "language",
    "country", "expected_close", "rating",
)  # fmt: skip
BRIEF_LEAD = (
    "lead_id", "name", "company", "email", "phone", "channel", "stage", "label", "score", "hot",
    "value", "currency", "assignee", "last_activity", "next_due",
)  # fmt: skip
"""A brief lead shows `contact` in place of `email` and `phone`."""
_DATES = frozenset(field.name for field in FIELDS if field.kind is Kind.DATE)
ID_FIELD = {Rows.CONVERSATIONS: "id", Rows.LEADS: "lead_id"}
"""The field that a row always shows: with it, a client can ask for the row."""


def shown_fields(names: Iterable[str], *, rows: Rows, agents: int) -> list[FieldName]:
    """The fields of a row: its ID, the agent where there are several, and those that were named.

    Raises:
        InvalidArgumentError: a name is not a field.
    """
    fields: dict[str, FieldName] = {ID_FIELD[rows]: BY_NAME[ID_FIELD[rows]]}
    if agents > 1:
        fields["agent_id"] = BY_NAME["agent_id"]
    for name in names:
        field = find_field(name, rows=rows, name="fields")
        fields.setdefault(field.name, field)
    return list(fields.values())


def row_view(row: FoundRow, fields: Sequence[FieldName], *, zone: tzinfo) -> JsonObject:
    """A row with these fields; what is unknown is left out, a flag that is not set is false."""
    found: JsonObject = {}
    for field in fields:
        value = row.values.get(field.name)
        if value is None and isinstance(field, Field) and field.kind is Kind.FLAG:
            value = False
        if value is not None and value != ():
            found[field.name] = field_view(field.name, value, zone=zone)
        if field.name == "value" and "value_text" in row.values:
            found["value_text"] = row.values["value_text"]
    return found


def brief_view(row: FoundRow, fields: Sequence[FieldName], *, zone: tzinfo) -> JsonObject:
    """A row of the fields that are shown by default: flags only where they are set."""
    view = row_view(row, fields, zone=zone)
    for flag in ("test", "blocked"):
        if view.get(flag) is False:
            del view[flag]
    tags = view.get("tags")
    if tags and len(tags) > MAX_TAGS:
        view |= {"tags": tags[:MAX_TAGS], "tags_total": len(tags)}
    return view


def brief_lead_view(row: FoundRow, fields: Sequence[FieldName], *, zone: tzinfo) -> JsonObject:
    """A lead with the ways to reach them: the email address and the phone number."""
    view = brief_view(row, fields, zone=zone)
    contacts = [str(view.pop(name)) for name in ("email", "phone") if name in view]
    return view | ({"contact": ", ".join(contacts)} if contacts else {})


def field_view(name: str, value: FieldValue, *, zone: tzinfo) -> object:
    """The value of the field `name` as answers write it: times as RFC 3339, days as they are.

    A date of the CRM at which a day of the time zone begins is shown as that day: nobody gave a
    time, and a time would look as if it had passed. Where the clocks change at midnight, a day may
    begin at one o'clock.
    """
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=zone)
        if name in _DATES:
            day = moment.astimezone(zone).date()
            if datetime.combine(day, time(), zone).astimezone(UTC) == moment:
                return day.isoformat()
        return rfc3339(moment.astimezone(UTC))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return plain_number(value)
    return list(value) if isinstance(value, tuple) else value
