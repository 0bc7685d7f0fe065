"""Schemas, arguments and answers, before and after a tool runs."""

import json
from typing import Annotated, Any, Literal

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from convocore_mcp.errors import ConvocoreError, InvalidArgumentError, RateLimitedError
from convocore_mcp.server.answers.conversation_record import without_secrets
from convocore_mcp.server.rendering import compact, crashed, error_body, failure, fit, success
from convocore_mcp.server.tools.arguments import known
from convocore_mcp.server.tools.strict_tool import flat


class Inner(BaseModel):
    title: str
    kind: Literal["a", "b"] | None = None


class Outer(BaseModel):
    """What a tool may take."""

    one: Inner
    many: list[Inner] = []
    count: Annotated[int, Field(ge=1, description="How many")] = 3
    text: str = ""
    either: int | str = 1


def keywords(schema: Any) -> set[str]:
    """Every keyword in a schema, at any depth; names of properties are none."""
    if isinstance(schema, list):
        return {found for item in schema for found in keywords(item)}
    if not isinstance(schema, dict):
        return set()
    own = [*schema.get("properties", {}).values()]
    others = [value for key, value in schema.items() if key != "properties"]
    return {*schema} | keywords(own + others)


def test_a_flat_schema_has_no_references_and_no_null() -> None:
    """Promised by contract.md: no `$ref`, no `anyOf` with `null`."""
    found = flat(Outer.model_json_schema())
    assert not {"$ref", "$defs", "title"} & keywords(found)
    assert found["properties"]["one"]["properties"].keys() == {"title", "kind"}
    assert found["properties"]["one"]["properties"]["kind"] == {
        "enum": ["a", "b"],
        "type": "string",
    }
    assert found["properties"]["count"]["default"] == 3
    assert "default" not in found["properties"]["text"]
    assert {"type": "null"} not in found["properties"]["either"]["anyOf"]


inner = st.fixed_dictionaries({"title": st.text()}, optional={"kind": st.sampled_from("ab")})
outer = st.fixed_dictionaries(
    {"one": inner},
    optional={"count": st.integers(-2, 5), "either": st.integers() | st.text() | st.none()},
)


@given(outer)
def test_a_flat_schema_takes_what_the_model_took(value: dict[str, Any]) -> None:
    """Ours: flattening changes the words, not the meaning; only `null` is no longer taken."""
    whole = jsonschema.Draft202012Validator(Outer.model_json_schema()).is_valid(value)
    assert jsonschema.Draft202012Validator(flat(Outer.model_json_schema())).is_valid(value) is whole


def test_known_values_are_spelt_as_they_are_known() -> None:
    """Promised by contract.md: an unknown value is an error that names it and lists the valid."""
    assert known("stage", [" NEW", "new", "Won"], ["new", "won"]) == ("new", "won")
    assert known("stage", [], []) == ()
    with pytest.raises(InvalidArgumentError, match="stage: 'nwe' does not exist") as caught:
        known("stage", ["new", "nwe"], ["new", "won"])
    assert caught.value.hint == "Valid stage: new, won."


SECRETS = [
    "sessionKey", "session_key", "voiceflowSessionKey", "apiKey", "api_key", "clientSecret",
    "password", "passwd", "accessToken", "refresh_token", "token", "Authorization", "setCookie",
    "jwt", "recordingUrl", "recording_url", "listenUrl", "ip", "ipAddress", "ip_address",
]  # fmt: skip
HARMLESS = ["tokens", "total_tokens", "trip", "shipping", "description", "zip", "key", "keywords"]


@pytest.mark.parametrize("name", SECRETS)
def test_what_opens_doors_never_leaves_at_any_depth(name: str) -> None:
    """Promised by design.md: IP addresses, session keys, tokens, recording URLs never leave."""
    record = {"id": "c", name: "x", "sessions": [{"deep": {name.upper(): {"a": 1}, "kept": 2}}]}
    assert without_secrets(record) == {"id": "c", "sessions": [{"deep": {"kept": 2}}]}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_sounds_like_it_stays(name: str) -> None:
    """Promised by contract.md: the whole record, but for secrets."""
    assert without_secrets({name: [1, {name: "x"}]}) == {name: [1, {name: "x"}]}


rows = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=12)


@given(rows, st.integers(0, 400))
def test_as_many_rows_as_fit_are_kept_and_always_one(rows: list[dict[str, str]], room: int) -> None:
    """Promised by contract.md: rows are dropped whole from the end."""
    count = fit(rows, room=room)
    sizes = [len(compact(row)) + 1 for row in rows]
    assert min(1, len(rows)) <= count <= len(rows)
    assert sum(sizes[:count]) <= room or count == 1
    assert count == len(rows) or sum(sizes[: count + 1]) > room


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3))
def test_text_and_structure_of_an_answer_are_the_same(answer: dict[str, Any]) -> None:
    """Promised by contract.md: the text block is the same object as compact JSON."""
    result = success(answer)
    assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
    assert not result.is_error


def test_an_error_says_what_and_what_to_do_and_hides_nothing_in_it() -> None:
    """Promised by contract.md: code, message, hint, retry_after; made safe like all text."""
    body = error_body(RateLimitedError("Slow\u200b down\x1b[2J", hint="Wait.", retry_after=2.04))
    assert body == {
        "error": {
            "code": "rate_limited", "message": "Slow down", "hint": "Wait.", "retry_after": 2.0,
        }
    }  # fmt: skip
    assert error_body(ConvocoreError("Oops"))["error"].keys() == {"code", "message", "hint"}
    assert failure(ConvocoreError("Oops")).is_error


def test_a_crash_tells_the_log_and_not_the_client(caplog: pytest.LogCaptureFixture) -> None:
    """Promised by contract.md: no stack trace, no secret, no path."""
    error = crashed(RuntimeError("secret /etc/path"))
    assert "secret" not in f"{error.message} {error.hint}"
    assert "secret /etc/path" in caplog.text
