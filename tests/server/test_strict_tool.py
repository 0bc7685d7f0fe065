"""Schemas, arguments and answers, before and after a tool runs."""

import json
from typing import Annotated, Any, Literal

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from convocore_mcp.errors import ConvocoreError, InvalidArgumentError, RateLimitedError
from convocore_mcp.fields.secrets.secret_names import without_secrets
from convocore_mcp.server.rendering import error_body, failure, internal_error, success
from convocore_mcp.server.tools.arguments import canonical_values
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
    """Promised by docs/contract.md, "Rules for every answer": no `$ref`, no `anyOf` with `null`."""
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
def test_a_flat_schema_accepts_what_the_model_accepts(value: dict[str, Any]) -> None:
    """Ours: flattening keeps the meaning of a schema, but for `null`."""
    whole = jsonschema.Draft202012Validator(Outer.model_json_schema()).is_valid(value)
    assert jsonschema.Draft202012Validator(flat(Outer.model_json_schema())).is_valid(value) is whole


def test_values_are_spelled_as_the_valid_ones() -> None:
    """Promised by docs/contract.md, "Rules for every answer"."""
    assert canonical_values("stage", [" NEW", "new", "Won"], ["new", "won"]) == ("new", "won")
    assert canonical_values("stage", [], []) == ()
    with pytest.raises(InvalidArgumentError, match="stage: 'nwe' does not exist") as caught:
        canonical_values("stage", ["new", "nwe"], ["new", "won"])
    assert caught.value.hint == "Valid stage: new, won."


SECRETS = [
    "sessionKey", "session_key", "voiceflowSessionKey", "apiKey", "api_key", "clientSecret",
    "password", "passwd", "accessToken", "refresh_token", "token", "Authorization", "setCookie",
    "jwt", "recordingUrl", "recording_url", "listenUrl", "ip", "ipAddress", "ip_address",
]  # fmt: skip
HARMLESS = ["tokens", "total_tokens", "trip", "shipping", "description", "zip", "key", "keywords"]


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_removed_at_any_depth(name: str) -> None:
    """Promised by docs/contract.md, "Rules for every answer"."""
    record = {"id": "c", name: "x", "sessions": [{"deep": {name.upper(): {"a": 1}, "kept": 2}}]}
    assert without_secrets(record) == {"id": "c", "sessions": [{"deep": {"kept": 2}}]}


@pytest.mark.parametrize("name", HARMLESS)
def test_fields_that_only_sound_like_secrets_stay(name: str) -> None:
    """Promised by docs/contract.md, "Rules for every answer": the whole record except secrets."""
    assert without_secrets({name: [1, {name: "x"}]}) == {name: [1, {name: "x"}]}


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3))
def test_text_and_structure_of_an_answer_are_the_same(answer: dict[str, Any]) -> None:
    """Promised by docs/contract.md, "Rules for every answer".

    Holds docs/contract.md #text-and-structure.
    """
    result = success(answer)
    assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
    assert not result.is_error


def test_an_error_object_tells_what_failed_and_what_to_do_and_is_sanitized() -> None:
    """Promised by docs/contract.md, "Rules for every answer".

    Holds docs/contract.md #error-object.
    """
    body = error_body(RateLimitedError("Slow\u200b down\x1b[2J", hint="Wait.", retry_after=2.04))
    assert body == {
        "error": {
            "code": "rate_limited", "message": "Slow down", "hint": "Wait.", "retry_after": 2.0,
        }
    }  # fmt: skip
    assert error_body(ConvocoreError("Oops"))["error"].keys() == {"code", "message", "hint"}
    assert failure(ConvocoreError("Oops")).is_error


def test_a_crash_is_explained_in_the_log_and_not_to_the_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Promised by docs/contract.md, "Rules for every answer".

    Holds docs/contract.md #error-secrets.
    """
    error = internal_error(RuntimeError("secret /etc/path"))
    assert "secret" not in f"{error.message} {error.hint}"
    assert "secret /etc/path" in caplog.text


@pytest.mark.parametrize("sign", ["😀", "\\", '"', "é", "x"])
def test_an_error_has_less_than_20000_characters_with_escapes_whatever_it_says(sign: str) -> None:
    """Promised by docs/contract.md, "Rules for every answer". An emoji has twelve characters.

    Holds docs/contract.md #error-size.
    """
    body = error_body(ConvocoreError(sign * 30_000, hint=sign * 30_000))
    assert len(json.dumps(json.dumps(body))) < 20_000
    assert body["error"]["message"][:100] == body["error"]["hint"][:100] == sign * 100
