"""Requests that fail: once, for a while, or for good; and what is said about it."""

import json
import logging
from email.utils import format_datetime
from typing import Any

import pytest

from convocore_mcp.api.client import ConvocoreClient, Limits
from convocore_mcp.api.error_responses import retry_after
from convocore_mcp.errors import (
    ApiError,
    BadRequestError,
    ContractError,
    ForbiddenError,
    GarbledError,
    NotFoundError,
    RateLimitedError,
    UnauthorizedError,
    UnavailableError,
)
from convocore_mcp.sandbox import FREE_PLAN_KEY, Dialect, Sandbox, serving

from .api_client import all_pages_of_client, api_client, asked, found, truth, utc_now

BOTH = pytest.mark.parametrize("dialect", ["cursor", "page"])
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
FAILURES = {
    "503": lambda s, after: s.fail_next(503, after=after),
    "503 twice": lambda s, after: s.fail_next(503, after=after, times=2),
    "502 in HTML": lambda s, after: s.fail_next(502, body=HTML, after=after),
    "500 of nothing": lambda s, after: s.fail_next(500, body=b"", after=after),
    "429": lambda s, after: s.fail_next(429, after=after),
    "429 seconds": lambda s, after: s.fail_next(429, headers={"Retry-After": "2"}, after=after),
    "429 date": lambda s, after: s.fail_next(
        429, headers={"Retry-After": format_datetime(utc_now(), usegmt=True)}, after=after
    ),
    "reset": lambda s, after: s.reset_next(after=after),
    "cut off": lambda s, after: s.truncate_next(after=after),
    "HTML": lambda s, after: s.garbage_next(after=after),
    "nothing": lambda s, after: s.respond_next(200, {}, b"", after=after),
    "half a body": lambda s, after: s.respond_next(200, {}, b'{"data":[{"ID":"a"}', after=after),
    "no JSON in braces": lambda s, after: s.respond_next(200, {}, b"{nothing}", after=after),
    "not gzip": lambda s, after: s.respond_next(
        200, {"content-encoding": "gzip"}, b"plain", after=after
    ),
    "half a gzip": lambda s, after: s.respond_next(
        200, {"content-encoding": "gzip"}, bytes.fromhex("1f8b080000000000000303"), after=after
    ),
    "unknown packing": lambda s, after: s.respond_next(
        200, {"content-encoding": "zstd"}, b"{}", after=after
    ),
    "a failure called success": lambda s, after: s.respond_next(
        200, {}, b'{"success":false,"code":"INTERNAL_SERVER_ERROR"}', after=after
    ),
}


@BOTH
@pytest.mark.parametrize("name", FAILURES)
async def test_a_failing_request_in_the_middle_changes_nothing(dialect: Dialect, name: str) -> None:
    """Promised by issue 2: one request is repeated, never the walk, and all is found."""
    sandbox = Sandbox(size=390, dialect=dialect)
    async with api_client(sandbox) as client:
        FAILURES[name](sandbox, 3)
        assert await found(client, sandbox) == truth(sandbox)

    mirror_reader = [str(query) for query, _ in asked(sandbox)]
    repeated = len(mirror_reader) - len(set(mirror_reader))
    assert repeated == (2 if name == "503 twice" else 1)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, BadRequestError), (401, UnauthorizedError), (403, ForbiddenError),
     (404, NotFoundError), (405, ContractError), (302, ContractError), (204, ContractError)],
)  # fmt: skip
async def test_a_refusal_is_never_asked_again(status: int, error: type[ApiError]) -> None:
    """Promised by design.md: 400, 401, 403, 404 are never retried."""
    sandbox = Sandbox(size=30)
    sandbox.fail_next(status, body=None if status != 204 else b"")
    async with api_client(sandbox) as client:
        with pytest.raises(error):
            await all_pages_of_client(client, sandbox)
    assert len(sandbox.requests) == 1


async def test_a_refused_key_is_said_to_be_perhaps_in_the_wrong_region() -> None:
    """Promised by issue 2: a 401 says that the wrong region is a usual cause."""
    sandbox = Sandbox(size=30)
    async with api_client(sandbox, key="wrong-key") as client:
        with pytest.raises(UnauthorizedError, match="Unauthorized workspace scope") as caught:
            await all_pages_of_client(client, sandbox)
    assert "region" in caught.value.hint
    assert "CONVOCORE_REGION" in caught.value.hint


async def test_a_plan_that_does_not_include_it_is_named() -> None:
    """Promised by upstream: 403 speaks of the plan."""
    sandbox = Sandbox(size=30)
    async with api_client(sandbox, key=FREE_PLAN_KEY) as client:
        with pytest.raises(ForbiddenError, match="Business plan or higher"):
            await all_pages_of_client(client, sandbox)


async def test_an_unknown_agent_is_named_as_such() -> None:
    """Promised by upstream: 404 for no such agent."""
    sandbox = Sandbox(size=30)
    async with api_client(sandbox) as client:
        with pytest.raises(NotFoundError, match="Agent not found"):
            async for _ in client.conversations("nobody"):
                pass


@pytest.mark.parametrize(
    ("body", "error", "said"),
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
    body: object, error: type[ApiError], said: str
) -> None:
    """Promised by upstream: a 200 can carry `success: false`; treat it as an error."""
    sandbox = Sandbox(size=30)
    sandbox.respond_next(200, {}, json.dumps(body).encode())
    async with api_client(sandbox) as client:
        with pytest.raises(error, match=said):
            await all_pages_of_client(client, sandbox)
    assert len(sandbox.requests) == 1


async def test_what_a_refusal_says_is_passed_on_with_its_issues() -> None:
    """Promised by upstream: `message`, and `issues` with messages of their own."""
    sandbox = Sandbox(size=30)
    body: dict[str, Any] = {"message": "Bad", "issues": [{"message": "limit is odd"}, "x", 5]}
    sandbox.fail_next(400, body=body)
    async with api_client(sandbox) as client:
        with pytest.raises(BadRequestError, match="Bad; limit is odd; x"):
            await all_pages_of_client(client, sandbox)


async def test_a_refusal_that_cannot_be_unpacked_is_still_a_refusal() -> None:
    """Ours: the status counts, what is said is extra."""
    sandbox = Sandbox(size=30)
    sandbox.fail_next(401, headers={"content-encoding": "br"}, body=b"???")
    async with api_client(sandbox) as client:
        with pytest.raises(UnauthorizedError):
            await all_pages_of_client(client, sandbox)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(500, None, UnavailableError), (429, None, RateLimitedError), (200, HTML, GarbledError)],
)
async def test_what_fails_for_good_says_so(
    status: int, body: bytes | None, error: type[ApiError]
) -> None:
    """Promised by design.md: retries end, and the last failure is what is told."""
    sandbox = Sandbox(size=30)
    sandbox.fail_next(status, body=body, times=100)
    async with api_client(sandbox) as client:
        with pytest.raises(error):
            await all_pages_of_client(client, sandbox)
    assert len(sandbox.requests) == 3  # as often as tests/conftest.py allows


async def test_a_convocore_that_is_not_there_is_unavailable() -> None:
    """Promised by design.md: the way to Convocore may be down; that is told without details."""
    sandbox = Sandbox(size=30)
    with serving(sandbox) as base_url:
        pass
    client = ConvocoreClient.over(base_url, "a-made-up-key", version="test", now=utc_now)
    with pytest.raises(UnavailableError, match="ConnectError") as caught:
        await all_pages_of_client(client, sandbox)
    assert "CONVOCORE_BASE_URL" in caught.value.hint
    await client.aclose()


async def test_a_redirect_is_not_followed_and_the_key_goes_nowhere_else() -> None:
    """Promised by design.md: a redirect must never carry the key to another host."""
    sandbox, elsewhere = Sandbox(size=30), Sandbox(size=30)
    with serving(elsewhere) as other:
        for status in (301, 302, 303, 307, 308):
            sandbox.redirect_next(f"{other}/agents/demo-agent/convos", status=status)
            async with api_client(sandbox) as client:
                with pytest.raises(ContractError, match="redirect"):
                    await all_pages_of_client(client, sandbox)
    assert list(elsewhere.requests) == []


async def test_the_key_is_in_no_repr_no_error_and_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Promised by design.md: the key appears in no log, error or `repr`."""
    caplog.set_level(logging.DEBUG)
    sandbox = Sandbox(size=30, key="sk-very-secret-0123456789")
    echo = {"message": f"bad token sk-very-secret-0123456789 {sandbox.key}"}
    told: list[str] = []
    async with api_client(sandbox) as client:
        told.append(repr(client) + str(vars(client).get("_http")))
        for status in (400, 401, 500):
            sandbox.fail_next(status, body=echo, times=3 if status == 500 else 1)
            with pytest.raises(ApiError) as caught:
                await all_pages_of_client(client, sandbox)
            told.append(f"{caught.value!r} {caught.value} {caught.value.hint}")
        sandbox.respond_next(200, {}, json.dumps({"success": False} | echo).encode())
        with pytest.raises(ContractError) as refusal:
            await all_pages_of_client(client, sandbox)
        told.append(str(refusal.value))
        await all_pages_of_client(client, sandbox)
    assert "[key]" in told[1]
    assert sandbox.key not in "".join(told) + caplog.text


async def test_a_single_conversation_is_richer_or_none() -> None:
    """Promised by upstream: 404 for what the REST API made, and for what is not there."""
    sandbox = Sandbox(size=60)
    mine = next(c for c in truth(sandbox) if c.startswith("conv-"))
    made = next(c for c in truth(sandbox) if c.startswith("demo-agent_"))
    async with api_client(sandbox) as client:
        item = await client.conversation(sandbox.agent_id, mine)
        assert item is not None
        assert item.id == mine
        assert item.tokens is not None
        assert await client.conversation(sandbox.agent_id, made) is None
        assert await client.conversation(sandbox.agent_id, "nobody") is None


async def test_ids_are_percent_encoded_into_the_path() -> None:
    """Promised by design.md: IDs are percent-encoded into paths."""
    odd = "a/b ?#%ü../x"
    sandbox = Sandbox(size=0, agent_id="agent/7 ?")
    sandbox.insert(ID=odd)
    async with api_client(sandbox) as client:
        assert await found(client, sandbox) == [odd]
        item = await client.conversation(sandbox.agent_id, odd)
        assert item is not None
        assert item.id == odd


async def test_a_single_conversation_that_cannot_be_read_is_an_error() -> None:
    """Ours: `None` means not found, and nothing else."""
    sandbox = Sandbox(size=0)
    sandbox.insert(ID="c1", leadScore="abc")
    async with api_client(sandbox) as client:
        with pytest.raises(ContractError, match="leadScore"):
            await client.conversation(sandbox.agent_id, "c1")


def test_both_forms_of_retry_after_are_understood_and_bounded() -> None:
    """Promised by design.md: 429 by `Retry-After`, both forms, capped."""
    now = utc_now().replace(microsecond=0)
    assert retry_after("7", now=now) == 7
    assert retry_after("-7", now=now) == 0
    assert retry_after("1e9", now=now) == 300
    assert retry_after(format_datetime(now, usegmt=True), now=now) == 0
    assert retry_after("Wed, 01 Aug 2096 12:00:00 GMT", now=now) == 300
    assert retry_after("Wed, 01 Aug 2096 12:00:00 -0000", now=now) == 300
    assert [retry_after(v, now=now) for v in (None, "nan", "soon", "")] == [None] * 4


async def test_attempts_are_made_within_the_deadline_only() -> None:
    """Promised by design.md: retries happen inside a deadline."""
    sandbox = Sandbox(size=30)
    sandbox.fail_next(429, headers={"Retry-After": "60"}, times=5)
    async with api_client(sandbox, limits=Limits(deadline=59)) as client:
        with pytest.raises(RateLimitedError) as caught:
            await all_pages_of_client(client, sandbox)
        assert caught.value.retry_after == 60
        assert len(sandbox.requests) == 1
        with pytest.raises(RateLimitedError):  # nobody waits longer than that for a turn, either
            await all_pages_of_client(client, sandbox)
    assert len(sandbox.requests) == 1
