"""Answers the resource `fields`: the table of fields, and which operators each takes."""

from convocore_mcp.fields.conditions import OPERATORS
from convocore_mcp.fields.table import DATA_PREFIX, FIELDS, Rows
from convocore_mcp.server.sanitize import JsonObject

DATA_ABOUT = (
    "Captured variable, else extracted value, of that name; text that is a number compares as one."
)


def field_table() -> JsonObject:
    """Every field of `where`, `fields`, `sort`, `group_by` and `measure`, as JSON."""
    rows = [
        {
            "name": field.name,
            "type": field.shown_kind,
            "of": ["conversations", "leads"] if field.rows is Rows.BOTH else [field.rows.value],
            "operators": sorted(OPERATORS[field.kind]),
            "about": field.about,
        }
        for field in FIELDS
    ]
    data = {
        "name": f"{DATA_PREFIX}NAME",
        "type": "text",
        "of": ["conversations", "leads"],
        "operators": sorted({str(operator) for known in OPERATORS.values() for operator in known}),
        "about": DATA_ABOUT,
    }
    return {"fields": [*rows, data]}
