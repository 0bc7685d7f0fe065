"""Whatever is posted, each request gets an answer on its own transport, and none finds a bug."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp.shared.inbound import encode_header_value

from tests.odd_messages import (
    CAPABILITIES,
    ECHOED,
    HOSTILE_TEXTS,
    LONG_SIGNS,
    VERSION,
    Message,
    check_answer,
    message,
    requests,
)
from tests.property_tests import examples
from tests.web.web_server import (
    ANSWER_TIMEOUT_SECONDS,
    MODERN,
    RunningServer,
    initialize_request,
    modern_request,
    run_server,
)

ids = count(1000)
header_names = st.sampled_from(
    [
        "Mcp-Method", "Mcp-Name", "MCP-Protocol-Version", "Mcp-Session-Id", "Last-Event-ID",
        "Accept", "Content-Type", "Content-Encoding", "Origin", "X-Forwarded-For", "Expect",
    ]
)  # fmt: skip
header_values = st.sampled_from(
    [
        "", "x", "*/*", "application/json", "text/event-stream", "application/json; charset=utf-16",
        MODERN, "2025-06-18", "1999-01-01", "tools/call", "0" * 32, "gzip", "null", "a" * 4_000,
        "\xff\xfe", "=?utf-8?b?eA==?=", "100-continue", "http://evil.example",
    ]
)  # fmt: skip
headers = st.dictionaries(header_names, header_values, max_size=4)
raw_bodies = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", b"{", b"[]", b"null", b"5", b"\xff\xfe{}", b"[" * 3_000, b'{"id":1}']),
    st.sampled_from(HOSTILE_TEXTS).map(lambda text: json.dumps(text).encode()),
)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of 2,000 conversations."""
    patient = {"CONVOCORE_WAIT_SECONDS": "25"}
    with run_server(tmp_path_factory.mktemp("any-message"), "--demo", env=patient) as running:
        yield running


@pytest.fixture(scope="module")
async def http(server: RunningServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=server.url, trust_env=False, timeout=ANSWER_TIMEOUT_SECONDS
    ) as client:
        yield client


def messages_in(response: httpx.Response) -> list[Message]:
    """The JSON-RPC messages of a response: its body, or each event of its stream."""
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        lines = response.text.splitlines()
        return [json.loads(line[5:]) for line in lines if line.startswith("data:") and line[5:]]
    return [json.loads(response.text)]


def answer_to(sent: Message, response: httpx.Response) -> Message:
    """The one message with the ID of the request; what else there is are notifications."""
    found = messages_in(response)
    answers = [m for m in found if "method" not in m]
    assert len(answers) == 1, (ascii(sent)[:500], found)
    assert answers[0]["id"] in {sent["id"], None}, ascii(sent)[:500]
    return answers[0]


def encoded(sent: Message) -> bytes:
    """With the escapes of half surrogates, which are valid JSON."""
    return json.dumps(sent).encode()


@pytest.fixture(scope="module")
async def session(http: httpx.AsyncClient) -> dict[str, str]:
    """The headers of the requests of a session, after its handshake."""
    headers, hello = initialize_request()
    headers |= {"Content-Type": "application/json"}
    opened = await http.post("/mcp", json=hello, headers=headers)
    headers |= {"Mcp-Session-Id": opened.headers["Mcp-Session-Id"]}
    initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert (await http.post("/mcp", json=initialized, headers=headers)).status_code == 202
    return headers


def in_session(sent: Message, session: dict[str, str]) -> tuple[Message, dict[str, str]]:
    """A request of the older era, and its headers."""
    return sent, session


def with_meta(sent: Message, _: dict[str, str]) -> tuple[Message, dict[str, str]]:
    """A request of the newer era as far as it can be one, and its headers."""
    params = sent["params"]
    if not isinstance(params, dict):
        params = {"value": params}
    headers, enveloped = modern_request("ping")
    headers |= {"Content-Type": "application/json", "Mcp-Method": ascii(sent["method"])[1:-1]}
    name = params.get("uri" if sent["method"] == "resources/read" else "name")
    if isinstance(name, str) and name.strip():
        headers["Mcp-Name"] = encode_header_value(name.encode(errors="replace").decode())
    return sent | {"params": params | {"_meta": enveloped["params"]["_meta"]}}, headers


Era = Callable[[Message, dict[str, str]], tuple[Message, dict[str, str]]]
eras = pytest.mark.parametrize("era", [in_session, with_meta])


@eras
async def test_a_request_of_each_era_reaches_its_tool(
    http: httpx.AsyncClient, session: dict[str, str], era: Era
) -> None:
    """Ours: if no request reached a tool, the tests below would prove nothing."""
    call = ("tools/call", {"name": "list_leads", "arguments": {"limit": 1}})
    sent, headers = era(message(call, next(ids)), session)
    answer = answer_to(sent, await http.post("/mcp", content=encoded(sent), headers=headers))
    assert answer["result"]["structuredContent"]["leads"]


@eras
@settings(max_examples=examples(4), suppress_health_check=[HealthCheck.too_slow])
@given(requests=st.lists(requests, min_size=5, max_size=10))
async def test_every_request_over_http_is_answered_and_finds_no_bug(
    http: httpx.AsyncClient, session: dict[str, str], era: Era, requests: list[tuple[str, Any]]
) -> None:
    """Promised by docs/architecture.md, "Serving": every request with an ID gets an answer."""
    for request in requests:
        sent, headers = era(message(request, next(ids)), session)
        response = await http.post("/mcp", content=encoded(sent), headers=headers)
        assert response.status_code < 500, (ascii(sent)[:500], response.text[:500])
        check_answer(request, answer_to(sent, response))


@eras
async def test_no_error_over_http_repeats_more_than_a_little_of_what_was_sent(
    http: httpx.AsyncClient, session: dict[str, str], era: Era
) -> None:
    """Promised by docs/contract.md, "Rules for every answer".

    Holds docs/contract.md #error-size.
    """
    for request in ECHOED:
        sent, headers = era(message(request, next(ids)), session)
        response = await http.post("/mcp", content=encoded(sent), headers=headers)
        if response.status_code == 431:  # the name stands in a header, too
            continue
        answer = answer_to(sent, response)
        assert "error" in answer, ascii(request)[:100]
        check_answer(request, answer)


@eras
async def test_half_a_surrogate_in_an_argument_is_answered_over_http(
    http: httpx.AsyncClient, session: dict[str, str], era: Era
) -> None:
    """Promised by docs/operations.md, "HTTP". JavaScript sends it, and it is valid JSON."""
    asked = {"name": "get_lead", "arguments": {"lead": "Nobody \ud83d"}}
    sent, headers = era(message(("tools/call", asked), next(ids)), session)
    answer = answer_to(sent, await http.post("/mcp", content=encoded(sent), headers=headers))
    assert answer["id"] == sent["id"]
    assert json.loads(answer["result"]["content"][0]["text"])["error"]["code"] == "not_found"


@pytest.mark.parametrize("version", ["9" * 30_000, "\xe9" * 20_000])
async def test_no_error_about_a_header_repeats_more_than_a_little(
    http: httpx.AsyncClient, version: str
) -> None:
    """Promised by docs/contract.md, "Rules for every answer". The SDK refuses these by itself."""
    meta = {VERSION: version, CAPABILITIES: {}}
    sent = message(("tools/list", {"_meta": meta}), next(ids))
    headers = [
        (b"MCP-Protocol-Version", version.encode("latin-1")), (b"Mcp-Method", b"tools/list"),
        (b"Accept", b"*/*"), (b"Content-Type", b"application/json"),
    ]  # fmt: skip
    response = await http.post("/mcp", content=encoded(sent), headers=headers)
    answer = answer_to(sent, response)
    assert "error" in answer
    check_answer(sent, answer)


@settings(max_examples=examples(17), suppress_health_check=[HealthCheck.too_slow])
@given(headers, raw_bodies, st.sampled_from(["POST", "GET", "DELETE", "PUT"]))
async def test_whatever_the_headers_and_the_body_are_the_status_is_no_failure_of_ours(
    http: httpx.AsyncClient, headers: dict[str, str], body: bytes, method: str
) -> None:
    """Promised by docs/operations.md, "HTTP"."""
    sent = [(n.encode(), value.encode("latin-1")) for n, value in headers.items()]
    async with http.stream(method, "/mcp", headers=sent, content=body) as response:
        assert response.status_code < 500, (method, headers, body)
        if response.status_code != 200:  # a stream that is open has no end
            text = (await response.aread()).decode()
            assert "Traceback" not in text
            assert len(text) < 5_000
    assert (await http.get("/healthz")).json() == {"status": "ok"}


class SseClient:
    """A client of HTTP+SSE that posts what it likes, and reads the answers from its stream."""

    def __init__(self, http: httpx.AsyncClient, lines: AsyncIterator[str]) -> None:
        self._http = http
        self._lines = lines
        self._path = ""

    async def start(self, *, handshake: bool) -> None:
        """Learn where to post, and do the handshake."""
        self._path = await self._data()
        if not handshake:
            return
        hello = initialize_request()[1]
        await self.post(encoded(hello))
        await self.answer(hello["id"])
        await self.post(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')

    async def post(self, body: bytes) -> int:
        """Post a message; the status of the response."""
        response = await self._http.post(
            self._path, content=body, headers={"Content-Type": "application/json"}
        )
        return response.status_code

    async def answer(self, request_id: object) -> Message:
        """The message with this ID; what comes before are notifications."""
        while True:
            received: Message = json.loads(await self._data())
            if received.get("id") == request_id:
                return received
            assert "method" in received or received.get("id") is None, received

    async def _data(self) -> str:
        async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
            async for line in self._lines:
                if line.startswith("data:"):
                    return line[5:].strip()
        raise AssertionError("the stream has ended")


@asynccontextmanager
async def sse_client(
    http: httpx.AsyncClient, *, handshake: bool = True
) -> AsyncIterator[SseClient]:
    async with http.stream("GET", "/sse") as stream:
        client = SseClient(http, stream.aiter_lines())
        await client.start(handshake=handshake)
        yield client


@settings(max_examples=examples(3), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(requests, min_size=5, max_size=15), raw_bodies)
async def test_every_request_over_sse_is_answered_and_finds_no_bug(
    http: httpx.AsyncClient, requests: list[tuple[str, Any]], body: bytes
) -> None:
    """Promised by docs/architecture.md, "Serving": every request with an ID gets an answer."""
    async with sse_client(http) as client:
        assert await client.post(body) < 500, body
        for request in requests:
            sent = message(request, next(ids))
            status = await client.post(encoded(sent))
            assert status < 500, ascii(sent)[:500]
            if status == 202:
                check_answer(request, await client.answer(sent["id"]))


async def test_no_error_over_sse_repeats_more_than_a_little_of_what_was_sent(
    http: httpx.AsyncClient,
) -> None:
    """Promised by docs/contract.md, "Rules for every answer".

    Holds docs/contract.md #error-size.
    """
    async with sse_client(http) as client:
        for request in ECHOED:
            sent = message(request, next(ids))
            assert await client.post(encoded(sent)) == 202
            check_answer(request, await client.answer(sent["id"]))
    meta = {VERSION: LONG_SIGNS, CAPABILITIES: {}}
    sent = message(("tools/list", {"_meta": meta}), next(ids))
    async with sse_client(http, handshake=False) as client:
        await client.post(encoded(sent))
        answer = await client.answer(sent["id"])
        assert "error" in answer
        check_answer(sent, answer)
