"""What is secret by its name, its shape or its place; and what only sounds like it."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from convocore_mcp.fields.secrets.secret_names import is_secret, without_secrets
from convocore_mcp.fields.secrets.secret_shapes import REMOVED, is_secret_text, without_secret_parts

DOCUMENT = Path(__file__).parents[1] / "sandbox" / "openapi.yaml"
SECRET_FIELDS = {
    "ipAddress", "voiceflowV4Session.sessionKey", "vapi.recordingUrl", "voice.latestSessionId",
    "voice.listenUrl", "voice.listenUrlUNIX",
}  # fmt: skip
"""Every field of a conversation, as Convocore documents it, that must not leave."""
SECRET_NAMES = {
    "user": "ip", "client": "ip", "remote": "addr", "visitor": "ip address",
    "call": "recording url", "session": "key", "latest session": "token", "api": "key",
    "access": "token", "refresh": "token", "private": "key", "client app": "secret",
    "auth": "header", "my": "password", "login": "pwd", "set": "cookie", "audio": "url",
    "listen": "url", "bearer": "token", "oauth": "credentials", "webhook": "secret key",
    "signing": "key", "smtp": "passwd", "one time": "otp", "card": "cvv",
    "db": "connection string", "database": "url", "id": "token", "x": "csrf token", "vapi": "jwt",
}  # fmt: skip
"""Names of secrets, each in two parts: `spellings` writes them as `userIp`, `user_ip` and so on."""
HARMLESS_NAMES = [
    "secretary", "secretaryName", "zip", "zipCode", "shipping", "shipAddress", "tip", "trip",
    "clip", "tokens", "tokenUsage", "cumulativeTotalTokens", "maxTokens", "inputTokens",
    "tokenCount", "userAddress", "address", "author", "authority", "keyword", "keywords", "key",
    "sessions", "requestedTeamKey", "teamKeys", "sessionsNum", "recordId", "record_url",
    "ipRating", "principal", "equipment", "passengers", "passport", "bypass", "compass",
    "userWebsite", "linkedIn", "hotkey", "audioQuality", "callerId", "customerId", "listened",
    "description", "userPhone", "monkey", "companyName", "projectId", "updatedAt", "turkey",
    "publicKeynote", "IP camera", "cookieless",
]  # fmt: skip
TOKENS = [
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "sk-proj-abcdefghijklmnop1234",
    "ghp_abcdefghijklmnopqrstuvwxyz012345", "xoxb-123456789012-abcdef", "AKIAIOSFODNN7EXAMPLE",
    "VF.DM.65a1b2c3d4e5f6a7b8c9d0e1.AbCdEf", "sk_live_abcdefghijklmnop",
    "Bearer abcdefghijklmnopqrst",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
]  # fmt: skip
ADDRESSES = [
    "84.23.11.9", "84.23.11.9:443", "2a02:908:1::1", "http://84.23.11.9/login",
    "https://storage.vapi.ai/x/y.wav", "https://cdn.example/voice/msg.ogg?x=1",
    "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE1",
    "wss://calls.vapi.ai/x/listen", "https://ann:pass@host.example/x",
    "https://files.example/recordings/42", "https://recordings.acme.example/42",
    "https://b.example/f?X-Amz-Signature=0123", "https://hooks.slack.com/services/T0/B0/x",
    "https://[2a02:908::1]:8080/x?token=abc",
    # What cannot be taken apart
    "https://ann:pass@[", "https://[nowhere]/x?key=abc", "https://[::1/?key=abc",
    "https://ann:pa\u2100ss@host.example/x", "https://ann:p)ss@host.example:99999999999/\x00",
]  # fmt: skip
HARMLESS_VALUES = [
    "12:30:45", "+49 151 2345678", "1.234.567,89 €", "https://acme.example/a?b=1",
    "jane@acme.example", "00:1B:44:11:3A:B7", "v1.2.3.4", "std::vector<int>", "999.1.1.1",
    "2026-07-19T22:11:03Z", "Donaudampfschifffahrtsgesellschaft",
    "https://acme.example/1.2.3.4/x", "basic plan, please", "The bearer of this letter",
    "a-very-long-slug-of-a-page-about-nothing", "ratio 1:2:3",
    "firmware 8.8.4.4", "https://host.example:99999999999/x", "https://a.example\x00/x",
    "https://a.example [broken link]",
]  # fmt: skip


def spellings(words: str) -> Iterator[str]:
    first, *rest = words.split()
    yield first + "".join(word.capitalize() for word in rest)
    yield "_".join([first, *rest])
    yield "-".join([first, *rest]).title()
    yield "_".join([first, *rest]).upper()
    yield "".join(word.capitalize() for word in [first, *rest])


def field_paths(schema: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Every property of a schema, at any depth, by its path."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{prefix}{name}"
        yield from field_paths(inner, f"{prefix}{name}.")
    for part in ("items", "additionalProperties"):
        if isinstance(schema.get(part), dict):
            yield from field_paths(schema[part], prefix)
    for part in itertools.chain(*(schema.get(name, []) for name in ("anyOf", "oneOf", "allOf"))):
        yield from field_paths(part, prefix)


def nested(path: str, value: object) -> dict[str, object]:
    """An object with `value` at a path."""
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


def test_of_all_fields_of_a_conversation_exactly_the_secret_ones_are_left_out() -> None:
    """Promised by docs/security.md, "What never leaves"."""
    document = yaml.safe_load(DOCUMENT.read_text())
    (path,) = (path for path in document["paths"] if path.endswith("/convos"))
    answer = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    fields = set(field_paths(answer["schema"]["properties"]["data"]))
    assert len(fields) > 150
    kept = {path for path in fields if without_secrets(nested(path, "x")) == nested(path, "x")}
    assert fields - kept == SECRET_FIELDS


@pytest.mark.parametrize(
    "name", sorted({s for b, e in SECRET_NAMES.items() for s in spellings(f"{b} {e}")})
)
def test_a_name_of_a_secret_is_known_in_every_spelling(name: str) -> None:
    """Promised by docs/security.md, "What never leaves": by the words in the name."""
    assert is_secret(name, "x")
    assert without_secrets({"deep": [{name: {"a": 1}}]}) == {"deep": [{}]}


@pytest.mark.parametrize(
    "name", ["sessionkey", "userip", "clientip", "accesstoken", "apikey", "recordingurl"]
)
def test_words_of_a_secret_that_are_written_together_are_known(name: str) -> None:
    """Promised by docs/security.md, "What never leaves": `sessionkey`."""
    assert is_secret(name, "x")


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_a_name_that_only_sounds_like_a_secret_is_none(name: str) -> None:
    """Promised by docs/security.md, "What never leaves": by words, not by parts of words."""
    assert not is_secret(name, "x")


@pytest.mark.parametrize("value", [*TOKENS, *ADDRESSES])
def test_a_value_of_a_secret_shape_is_left_out_under_any_name(value: str) -> None:
    """Promised by docs/security.md, "What never leaves": by the shape of the value."""
    assert is_secret_text(value)
    assert without_secrets({"note": value, "list": [value, {"n": value}]}) == {"list": [{}]}
    assert without_secret_parts(f"Look: {value} !") == f"Look: {REMOVED} !"


@pytest.mark.parametrize("text", HARMLESS_VALUES)
def test_what_people_write_is_no_secret(text: str) -> None:
    """Ours: a rule that takes too much hides what somebody said."""
    assert not is_secret_text(text)
    assert without_secret_parts(f"I said {text}, yes.") == f"I said {text}, yes."


def test_an_address_of_a_home_network_or_a_version_may_be_written() -> None:
    """Ours: neither identifies a visitor. As the value of a field, its name decides."""
    for text in ("router 192.168.1.1", "version 10.0.19.4 is out", "call abc::def() now"):
        assert without_secret_parts(text) == text
    assert without_secrets({"userOSVersion": "10.0.19.4", "os": "10.0.19.4"}) == {
        "userOSVersion": "10.0.19.4"
    }


def test_a_short_name_is_judged_by_where_it_stands() -> None:
    """Promised by docs/security.md, "What never leaves": by place."""
    for outer, inner in (("session", "key"), ("user", "ip"), ("audio", "url"), ("api", "key")):
        assert without_secrets({outer: {inner: "x", "b": 1}}) == {outer: {"b": 1}}, outer
    for outer, inner in (("team", "key"), ("page", "url"), ("call", "id")):
        assert without_secrets({outer: {inner: "x"}}) == {outer: {inner: "x"}}, outer
    for name, value in (("name", "value"), ("key", "val"), ("field", "content")):
        pairs = [{name: "api token", value: "x"}, {name: "city", value: "Köln"}]
        assert without_secrets({"vars": pairs}) == {"vars": pairs[1:]}


def test_a_flag_about_recordings_tells_nothing() -> None:
    """Ours: a flag is left out only where its name is that of a credential."""
    assert without_secrets({"recording": True, "apiKey": False}) == {"recording": True}
