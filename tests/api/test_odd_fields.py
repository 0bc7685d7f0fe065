"""A field that does not fit never costs a row, nor another field of its row.

The fields are those of the published schema, at every depth; each gets each of a list of odd
values, in one of three rows. All these rows come over HTTP, 300 on a page.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from convocore_mcp.api.conversation_record import ConversationRecord
from convocore_mcp.models import Conversation

from .api_client import api_client
from .odd_list import OddList

SCHEMA = ConversationRecord.model_json_schema(by_alias=True)
WHOLE: dict[str, object] = {
    "userName": "Jane Roe", "userEmail": "jane@example.com", "stage": "won", "leadScore": 81,
    "funnelLastEvaluated": 1_780_000_000, "ts": 1_780_000_000, "tags": ["vip"],
    "summary": "Refund.", "messagesNum": 7, "value": 1200, "currency": "EUR",
    "crmAlerts": {"overdueECD": True},
    "assignedTo": {"name": "Kim", "email": "kim@example.com"}, "state": "requested_chat",
    "handoffHistory": [{"requestedAt": 1_780_000_000}], "capturedVariables": {"budget": 5},
    "crmActivities": [{"type": "call", "title": "Ring", "dueDate": "2026-06-01"}],
    "tokenUsage": {"cumulativeUsd": 0.5, "cumulativeTotalTokens": 900}, "origin": "web-chat",
}  # fmt: skip
ODD_VALUES = (
    "null", '""', '" "', "[]", "{}", '"text"', "0", "7", "-1", "1.5", "true", '"12"', '"1_000"',
    '["a",{"b":1},null,3]', '{"a":[1]}', '{"0":"x","1":"y"}', "NaN", "Infinity", "-Infinity",
    "1e308", "-1e308", "1e400", "9" * 19, "9" * 310, "-" + "9" * 310, "9" * 5000, f'"{"9" * 400}"',
    r'"a\u0000b"', r'"\ud83d"', r'"\u200b"', r'{"x\u0000\udc00":"\udc00"}', "[" * 150 + "]" * 150,
    '{"d":' * 1500 + "1" + "}" * 1500, '"9999-12-31T23:59:59-14:00"', '"0000-00-00"',
    '"' + "long " * 4000 + '"', "[[],[[]]]", "[null]", '[""]',
)  # fmt: skip


class FieldPath(NamedTuple):
    """The path to a field: the names of the objects around it, and its own."""

    path: tuple[str, ...]
    around: tuple[str, ...]
    """How each object around it is written: by itself, in a list or under a name."""

    @property
    def name(self) -> str:
        return ".".join(self.path)


def field_paths(
    schema: dict[str, Any], path: tuple[str, ...], around: tuple[str, ...]
) -> Iterator[FieldPath]:
    """Every field of the schema, and the fields of the objects in it."""
    for name, field in schema["properties"].items():
        yield FieldPath((*path, name), around)
        for option in field.get("anyOf", [field]):
            parts = {"%s": option, "[%s]": option.get("items")}
            parts |= {'{"gpt":%s}': option.get("additionalProperties")}
            for template, part in parts.items():
                if isinstance(part, dict) and "$ref" in part:
                    definition = SCHEMA["$defs"][part["$ref"].rpartition("/")[2]]
                    yield from field_paths(definition, (*path, name), (*around, template))


FIELD_PATHS = tuple(found for found in field_paths(SCHEMA, (), ()) if found.path != ("ID",))


def json_of(row_id: str, field_path: FieldPath, value: str) -> str:
    """A whole row with `value` at `field_path`, as JSON text."""
    odd = value
    for name, template in zip(field_path.path[:0:-1], field_path.around[::-1], strict=True):
        odd = template % f'{{"{name}":{odd}}}'
    fields = {"ID": row_id} | {k: v for k, v in WHOLE.items() if k != field_path.path[0]}
    return f'{json.dumps(fields)[:-1]},"{field_path.path[0]}":{odd}}}'


def shown(row: Conversation, without: str) -> dict[str, object]:
    """What the record says but for the field `without`."""
    record: dict[str, object] = json.loads(row.record)
    return {k: v for k, v in record.items() if k not in {"id", without}}


def snake_name(field_path: FieldPath) -> str:
    names = {field.alias or name: name for name, field in ConversationRecord.model_fields.items()}
    return names[field_path.path[0]]


def test_the_fields_are_those_of_the_whole_schema() -> None:
    """Ours: a walk that finds little would prove little."""
    names = {field_path.name for field_path in FIELD_PATHS}
    assert len(ConversationRecord.model_fields) == len({p.path[0] for p in FIELD_PATHS}) + 1
    assert {
        "leadScore",
        "crmActivities.notesHistory.timestamp",
        "tokenUsage.cumulativeUsd",
    } <= names
    assert len(FIELD_PATHS) > 150


@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: value[:20])
async def test_an_odd_value_costs_no_row_and_no_other_field(value: str) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": each field is parsed by itself."""
    rows = [
        row
        for n, field_path in enumerate(FIELD_PATHS)
        for row in (
            json.dumps({"ID": f"{n} before"} | WHOLE),
            json_of(f"{n} odd", field_path, value),
            json.dumps({"ID": f"{n} after"} | WHOLE),
        )
    ]
    body = f'{{"success":true,"data":[{",".join(rows)}],"hasMore":false}}'.encode()
    odd_list = OddList(lambda _: (200, body))
    async with api_client(odd_list) as client:
        pages = [page async for page in client.conversations(odd_list.agent_id)]
    read = {row.id: row for page in pages for row in page.rows}

    assert not [bad.reason for page in pages for bad in page.quarantined]
    assert len(read) == 3 * len(FIELD_PATHS)
    assert len(odd_list.queries) == 1
    for n, field_path in enumerate(FIELD_PATHS):
        field = snake_name(field_path)
        expected = shown(read[f"{n} before"], field)
        assert shown(read[f"{n} after"], field) == expected
        assert shown(read[f"{n} odd"], field) == expected, field_path.name
        dropped = [name.replace(".gpt", "") for name in read[f"{n} odd"].dropped]
        assert all(name.startswith(field_path.name) for name in dropped)
    assert_storable([row for page in pages for row in page.rows])


def assert_storable(rows: list[Conversation]) -> None:
    """Every value is one that both databases can store, and the record is valid JSON."""
    for row in rows:
        texts = (row.id, row.name, row.summary, row.stage, row.channel, row.record, *row.tags)
        for text in texts:
            assert text is None or ("\0" not in text and text.encode())
        assert r"\u0000" not in row.record
        numbers = (row.score, row.messages, row.tokens, row.usd, row.rating)
        assert all(number is None or abs(number) <= 2**53 for number in numbers)
        assert isinstance(row.value, str | None) or abs(row.value) <= 2**53


@pytest.mark.parametrize("value", ["null", '""', "[]", "{}"])
async def test_an_empty_value_of_another_kind_means_absent_and_is_not_counted(value: str) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": as in much JSON out of PHP."""
    row = await read_alone(f'{{"ID":"c","assignedTo":{value},"leadScore":{value},"tags":{value}}}')

    assert (row.assignee, row.score, row.tags, row.dropped) == (None, None, (), ())


async def test_a_bare_value_where_a_list_belongs_is_a_list_of_it() -> None:
    """Promised by docs/architecture.md, "Reading Convocore"."""
    row = await read_alone(
        '{"ID":"c","tags":"vip","linkedChannels":{"0":"web","1":"sms"},"state":"requested_chat",'
        '"handoffHistory":{"requestedAt":1780000000}}'
    )
    assert row.tags == ("vip",)
    assert json.loads(row.record)["linked_channels"] == ["web", "sms"]
    assert row.waiting_since is not None
    assert row.dropped == ()


async def test_what_is_dropped_is_named_and_only_that() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": a dropped field is counted."""
    row = await read_alone(
        '{"ID":"c","leadScore":"abc","tags":["a",null,{"x":1},"b"],"userName":["Jane"],'
        '"crmActivities":[{"type":"call","completed":"maybe"},7],"id":"other"}'
    )
    assert row.tags == ("a", "b")
    dropped = {"userName", "tags", "leadScore", "crmActivities.completed", "crmActivities", "id"}
    assert set(row.dropped) == dropped
    assert len(row.dropped) == len(dropped)
    record = json.loads(row.record)
    assert (record["id"], record["crm_activities"]) == ("c", [{"type": "call"}])


async def test_an_integer_beyond_64_bits_keeps_its_digits_as_text() -> None:
    """Ours: no database and no client reads it as a number without loss."""
    row = await read_alone(f'{{"ID":"c","capturedVariables":{{"n":{"8" * 30},"m":{"7" * 6000}}}}}')

    assert json.loads(row.record)["captured_variables"] == {"n": "8" * 30, "m": "7" * 6000}


async def test_ids_that_differ_by_an_outer_blank_are_different_conversations() -> None:
    """Ours: nothing says that Convocore trims them."""
    body = b'{"success":true,"data":[{"ID":"c"},{"ID":" c"},{"ID":"c "},{"ID":7}],"hasMore":false}'
    odd_list = OddList(lambda _: (200, body))
    async with api_client(odd_list) as client:
        (page,) = [page async for page in client.conversations(odd_list.agent_id)]
    assert [row.id for row in page.rows] == ["c", " c", "c ", "7"]


async def read_alone(row: str) -> Conversation:
    """The row as the single conversation, which is parsed like a row of the list."""
    body = f'{{"success":true,"data":{row}}}'.encode()
    odd_list = OddList(lambda _: (200, body))
    async with api_client(odd_list) as client:
        conversation = await client.conversation(odd_list.agent_id, "c")
    assert conversation is not None
    return conversation
