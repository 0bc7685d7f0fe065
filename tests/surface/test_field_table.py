"""The table of fields is told everywhere in the same way: resource, documentation, errors."""

import json
from pathlib import Path

from convocore_mcp.fields.conditions import OPERATORS
from convocore_mcp.fields.table import FIELDS, Rows
from convocore_mcp.server.answers.field_table import field_table

CONTRACT = Path(__file__).parents[2] / "docs" / "contract.md"


def test_the_documentation_lists_every_field_with_its_type_rows_and_meaning() -> None:
    """Promised by docs/contract.md, "Fields": one table.

    Holds docs/contract.md #one-vocabulary.
    """
    documented = CONTRACT.read_text().split("| field | type | of |")[1].split("\n\n")[0]
    for field in FIELDS:
        of = "conversations, leads" if field.rows is Rows.BOTH else field.rows.value
        assert f"| `{field.name}` | {field.shown_kind} | {of} | {field.about} |" in documented
    assert documented.count("\n| `") == len(FIELDS) + 1  # and `data.NAME`


def test_the_resource_lists_every_field_with_its_operators() -> None:
    """Promised by docs/contract.md, "Resources".

    Holds docs/contract.md #fields-listed #r-fields.
    """
    listed = {row["name"]: row for row in field_table()["fields"]}
    assert [*listed] == [*(field.name for field in FIELDS), "data.NAME"]
    for field in FIELDS:
        assert listed[field.name]["operators"] == sorted(OPERATORS[field.kind])
    assert json.loads(json.dumps(listed)) == listed
