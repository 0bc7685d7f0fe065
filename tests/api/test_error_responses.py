"""Requests that fail once, for a while, or for good, and the errors that are raised."""

import json
import logging
from email.utils import format_datetime
from typing import Any

import pytest

from convocore_mcp.api.client import ConvocoreClient, Limits
from convocore_mcp.api.error_responses import parse_retry_after
from convocore_mcp.api.throttle import FAILURES_TO_OPEN
from convocore_mcp.errors import (
    ApiError,
    BadRequestError,
    BrokenRecordError,
    ContractError,
    ForbiddenError,
    GarbledError,
    NotFoundError,
    RateLimitedError,
    UnauthorizedError,
    UnavailableError,
)
from convocore_mcp.sandbox import FREE_PLAN_KEY, Dialect, Sandbox, serving

from .api_client import (
    all_pages_of_client,
    api_client,
    ids_in,
    listed_ids,
    requests_to,
    throttle_without_delay,
    utc_now,
)
from .odd_list import OddList

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
FAILURES = {
    "503": lambda s, after: s.fail_next(503, after=after),
    "503 twice": lambda s, after: s.fail_next(503, after=after, times=2),
    "502 in HTML": lambda s, after: s.fail_next(502, body=HTML, after=after),
    "500 without a body": lambda s, after: s.fail_next(500, body=b"", after=after),
    "429": lambda s, after: s.fail_next(429, after=after),
    "429 seconds": lambda s, after: s.fail_next(429, headers={"Retry-After": "2"}, after=after),
    "429 date": lambda s, after: s.fail_next(
        429, headers={"Retry-After": format_datetime(utc_now(), usegmt=True)}, after=after
    ),
    "connection reset": lambda s, after: s.reset_next(after=after),
    "body cut off": lambda s, after: s.truncate_next(after=after),
    "200 in HTML": lambda s, after: s.garbage_next(after=after),
    "empty body": lambda s, after: s.respond_next(200, {}, b"", after=after),
    "half of the JSON": lambda s, after: s.respond_next(
        200, {}, b'{"data":[{"ID":"a"}', after=after
    ),
    "invalid JSON": lambda s, after: s.respond_next(200, {}, b"{nothing}", after=after),
    "plain text called gzip": lambda s, after: s.respond_next(
        200, {"content-encoding": "gzip"}, b"plain", after=after
    ),
    "half of the gzip": lambda s, after: s.respond_next(
        200, {"content-encoding": "gzip"}, bytes.fromhex("1f8b080000000000000303"), after=after
    ),
    "unknown encoding": lambda s, after: s.respond_next(
        200, {"content-encoding": "zstd"}, b"{}", after=after
    ),
    "200 that says INTERNAL_SERVER_ERROR": lambda s, after: s.respond_next(
        200, {}, b'{"success":false,"code":"INTERNAL_SERVER_ERROR"}', after=after
    ),
}


@BOTH_DIALECTS
@pytest.mark.parametrize("name", FAILURES)
async def test_a_failed_request_is_retried_and_the_list_is_complete(
    dialect: Dialect, name: str
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    One request is retried, never the list.
    """
    sandbox = Sandbox(size=390, dialect=dialect)
    async with api_client(sandbox) as client:
        FAILURES[name](sandbox, 3)
        assert await listed_ids(client, sandbox) == ids_in(sandbox)

    queries = [str(query) for query, _ in requests_to(sandbox)]
    repeated = len(queries) - len(set(queries))
    assert repeated == (2 if name == "503 twice" else 1)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, BadRequestError), (401, UnauthorizedError), (403, ForbiddenError),
     (404, NotFoundError), (405, ContractError), (302, ContractError), (204, ContractError)],
)  # fmt: skip
async def test_a_refused_request_is_not_retried(status: int, error: type[ApiError]) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    400, 401, 403 and 404 are never retried.
    """
    sandbox = Sandbox(size=30)
    sandbox.fail_next(status, body=None if status != 204 else b"")
    async with api_client(sandbox) as client:
        with pytest.raises(error):
            await all_pages_of_client(client, sandbox)
    assert len(sandbox.requests) == 1


async def test_the_error_for_a_refused_key_mentions_the_region() -> None:
    """Promised by docs/upstream.md, "Errors": a key in the wrong region is answered with 401."""
    sandbox = Sandbox(size=30)
    async with api_client(sandbox, key="wrong-key") as client:
        with pytest.raises(UnauthorizedError, match="Unauthorized workspace scope") as caught:
            await all_pages_of_client(client, sandbox)
    assert "region" in caught.value.hint
    assert "CONVOCORE_REGION" in caught.value.hint


async def test_the_error_for_a_403_names_the_plan_that_is_needed() -> None:
    """Promised by docs/upstream.md, "Errors": the message of a 403 names the plan."""
    sandbox = Sandbox(size=30)
    async with api_client(sandbox, key=FREE_PLAN_KEY) as client:
        with pytest.raises(ForbiddenError, match="Business plan or higher"):
            await all_pages_of_client(client, sandbox)


async def test_an_unknown_agent_is_not_found() -> None:
    """Promised by docs/upstream.md, "Errors": 404 for an unknown agent."""
    sandbox = Sandbox(size=30)
    async with api_client(sandbox) as client:
        with pytest.raises(NotFoundError, match="Agent not found"):
            async for _ in client.conversations("nobody"):
                pass


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        ({"success": False, "message": "no luck"}, ContractError, "no luck"),
        ({"success": False, "code": "UNAUTHORIZED", "message": "x"}, UnauthorizedError, "x"),
        ({"success": False, "code": "FORBIDDEN"}, ForbiddenError, "plan"),
        ({"success": False, "code": "NOT_FOUND"}, NotFoundError, "404"),
        ({"success": False}, ContractError, "error"),
        ({"success": True}, ContractError, "no list"),
        ({"data": {"ID": "c"}}, ContractError, "no list"),
        ([], ContractError, "not an object"),
        ("yes", ContractError, "not an object"),
    ],
)
async def test_a_200_without_a_list_is_an_error(
    body: object, error: type[ApiError], message: str
) -> None:
    """Promised by docs/upstream.md, "Errors": a 200 can carry `success: false`."""
    sandbox = Sandbox(size=30)
    sandbox.respond_next(200, {}, json.dumps(body).encode())
    async with api_client(sandbox) as client:
        with pytest.raises(error, match=message):
            await all_pages_of_client(client, sandbox)
    assert len(sandbox.requests) == 1


async def test_the_error_has_the_message_of_the_refusal_and_its_issues() -> None:
    """Promised by docs/upstream.md, "Errors": `message`, and `issues` with their own messages."""
    sandbox = Sandbox(size=30)
    body: dict[str, Any] = {"message": "Bad", "issues": [{"message": "limit is odd"}, "x", 5]}
    sandbox.fail_next(400, body=body)
    async with api_client(sandbox) as client:
        with pytest.raises(BadRequestError, match="Bad; limit is odd; x"):
            await all_pages_of_client(client, sandbox)


async def test_a_refusal_whose_body_cannot_be_decompressed_is_still_a_refusal() -> None:
    """Ours: the status decides; the body only adds a message."""
    sandbox = Sandbox(size=30)
    sandbox.fail_next(401, headers={"content-encoding": "br"}, body=b"???")
    async with api_client(sandbox) as client:
        with pytest.raises(UnauthorizedError):
            await all_pages_of_client(client, sandbox)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(500, None, UnavailableError), (429, None, RateLimitedError), (200, HTML, GarbledError)],
)
async def test_the_last_failure_is_raised_when_the_attempts_are_used_up(
    status: int, body: bytes | None, error: type[ApiError]
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": the number of retries is limited."""
    sandbox = Sandbox(size=30)
    sandbox.fail_next(status, body=body, times=100)
    async with api_client(sandbox) as client:
        with pytest.raises(error):
            await all_pages_of_client(client, sandbox)
    assert len(sandbox.requests) == 3  # as often as tests/conftest.py allows


async def test_a_server_that_cannot_be_reached_is_unavailable() -> None:
    """Ours: the error names the kind of failure and the settings to check, but no details."""
    sandbox = Sandbox(size=30)
    with serving(sandbox) as base_url:
        pass
    client = ConvocoreClient.from_url(base_url, "a-made-up-key", version="test", now=utc_now)
    with pytest.raises(UnavailableError, match="ConnectError") as caught:
        await all_pages_of_client(client, sandbox)
    assert "CONVOCORE_BASE_URL" in caught.value.hint
    await client.aclose()


async def test_a_redirect_is_not_followed_and_the_key_stays_with_its_host() -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    A redirect must never send the key to another host.
    """
    sandbox, other_sandbox = Sandbox(size=30), Sandbox(size=30)
    with serving(other_sandbox) as other_url:
        for status in (301, 302, 303, 307, 308):
            sandbox.redirect_next(f"{other_url}/agents/demo-agent/convos", status=status)
            async with api_client(sandbox) as client:
                with pytest.raises(ContractError, match="redirect"):
                    await all_pages_of_client(client, sandbox)
    assert list(other_sandbox.requests) == []


async def test_the_key_is_in_no_repr_no_error_and_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    The key appears in no log, error or `repr`.
    """
    caplog.set_level(logging.DEBUG)
    sandbox = Sandbox(size=30, key="sk-very-secret-0123456789")
    echo = {"message": f"bad token sk-very-secret-0123456789 {sandbox.key}"}
    shown: list[str] = []
    async with api_client(sandbox) as client:
        shown.append(repr(client) + str(vars(client).get("_http")))
        for status in (400, 401, 500):
            sandbox.fail_next(status, body=echo, times=3 if status == 500 else 1)
            with pytest.raises(ApiError) as caught:
                await all_pages_of_client(client, sandbox)
            shown.append(f"{caught.value!r} {caught.value} {caught.value.hint}")
        sandbox.respond_next(200, {}, json.dumps({"success": False} | echo).encode())
        with pytest.raises(ContractError) as refusal:
            await all_pages_of_client(client, sandbox)
        shown.append(str(refusal.value))
        await all_pages_of_client(client, sandbox)
    assert "[key]" in shown[1]
    assert sandbox.key not in "".join(shown) + caplog.text


async def test_a_single_conversation_has_more_fields_or_is_none() -> None:
    """Promised by docs/upstream.md, "The single conversation".

    Also 404 for those that the REST API made.
    """
    sandbox = Sandbox(size=60)
    mine = next(c for c in ids_in(sandbox) if c.startswith("conv-"))
    made = next(c for c in ids_in(sandbox) if c.startswith("demo-agent_"))
    async with api_client(sandbox) as client:
        item = await client.conversation(sandbox.agent_id, mine)
        assert item is not None
        assert item.id == mine
        assert item.tokens is not None
        assert await client.conversation(sandbox.agent_id, made) is None
        assert await client.conversation(sandbox.agent_id, "nobody") is None


async def test_ids_are_percent_encoded_into_the_path() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": IDs are percent-encoded into paths."""
    odd = "a/b ?#%ü../x"
    sandbox = Sandbox(size=0, agent_id="agent/7 ?")
    sandbox.insert(ID=odd)
    async with api_client(sandbox) as client:
        assert await listed_ids(client, sandbox) == [odd]
        item = await client.conversation(sandbox.agent_id, odd)
        assert item is not None
        assert item.id == odd


async def test_a_single_conversation_that_cannot_be_read_is_an_error() -> None:
    """Ours: `None` means only that the conversation was not found."""
    odd_list = OddList(lambda _: (200, {"success": True, "data": {"userName": "Jane"}}))
    async with api_client(odd_list) as client:
        with pytest.raises(ContractError, match="ID"):
            await client.conversation(odd_list.agent_id, "c1")


def test_retry_after_is_read_from_seconds_or_a_date_and_limited() -> None:
    """Promised by docs/upstream.md, "Errors": `Retry-After` in seconds or as an HTTP date."""
    now = utc_now().replace(microsecond=0)
    assert parse_retry_after(None, now=now) is None
    assert parse_retry_after("7", now=now) == 7
    assert parse_retry_after("-7", now=now) == 0
    assert parse_retry_after(format_datetime(now, usegmt=True), now=now) == 0


@pytest.mark.parametrize(
    "value",
    [
        "1e9", "121", "inf", "1e400", "nan", "soon", "", "Wed, 01 Aug 2096 12:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 -0000", "Fri, 31 Dec 9999 23:59:59 -1200", "9" * 400,
        "Fri, 99 Foo 99999999999999999999 99:99:99 GMT",
    ],
)  # fmt: skip
def test_a_retry_after_that_is_too_long_or_nonsense_means_two_minutes(value: str) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": reading never stops for longer."""
    assert parse_retry_after(value, now=utc_now()) == 120


async def test_a_record_that_fails_by_itself_is_not_retried_and_opens_no_breaker() -> None:
    """Promised by docs/upstream.md, "The single conversation": a broken record is no outage."""
    broken = {"message": "Output validation failed", "code": "INTERNAL_SERVER_ERROR"}
    odd_list = OddList(lambda _: (500, broken))
    throttle = throttle_without_delay()
    async with api_client(odd_list, throttle=throttle) as client:
        for _ in range(2 * FAILURES_TO_OPEN):
            with pytest.raises(BrokenRecordError, match="Output validation failed"):
                await client.conversation(odd_list.agent_id, "c")
    assert len(odd_list.queries) == 2 * FAILURES_TO_OPEN
    assert (throttle.note, throttle.last_error) == (None, None)


async def test_no_attempt_is_made_after_the_deadline() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": retries happen inside a deadline."""
    sandbox = Sandbox(size=30)
    sandbox.fail_next(429, headers={"Retry-After": "60"}, times=5)
    async with api_client(sandbox, limits=Limits(deadline=59)) as client:
        with pytest.raises(RateLimitedError) as caught:
            await all_pages_of_client(client, sandbox)
        assert caught.value.retry_after == 60
        assert len(sandbox.requests) == 1
        with pytest.raises(RateLimitedError):  # waiting for the rate limit has the same deadline
            await all_pages_of_client(client, sandbox)
    assert len(sandbox.requests) == 1
