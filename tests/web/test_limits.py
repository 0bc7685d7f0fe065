"""Limits on requests and streams, clients that disconnect, and graceful shutdown."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.web import limits
from tests.web.web_server import (
    OTHER_TOKEN,
    THIRD_TOKEN,
    TOKEN,
    McpRequest,
    RunningServer,
    bearer,
    initialize_request,
    legacy_request,
    modern_request,
    run_server,
    wait_until,
)


@contextmanager
def slow_server(folder: Path, **settings: str) -> Iterator[RunningServer]:
    """A server whose first answer takes some seconds, because its upstream is slow."""
    sandbox = Sandbox(size=300, latency=0.15)
    with serving(sandbox) as base_url:
        env = {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": "memory",
        }
        http_env = {f"CONVOCORE_MCP_{name.upper()}": value for name, value in settings.items()}
        with run_server(folder, env=env | http_env) as server:
            yield server


def open_counts(server: RunningServer) -> dict[str, float]:
    kinds = ("requests", "streams", "calls", "sessions")
    return {kind: server.metric(f'convocore_mcp_open{{kind="{kind}"}}') for kind in kinds}


def post_bytes(server: RunningServer, path: str, request: McpRequest) -> bytes:
    """A POST request as bytes, for a client that disconnects before the response."""
    request_headers, content = request
    body = json.dumps(content).encode()
    headers = {"Host": f"127.0.0.1:{server.port}", "Content-Type": "application/json"}
    headers |= request_headers | {"Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def slow_question() -> McpRequest:
    return modern_request("tools/call", name="conversation_stats", arguments={})


def test_a_client_that_disconnects_during_a_call_leaves_nothing_open(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "HTTP". On each transport, in each era."""
    with slow_server(tmp_path, session_seconds="0.5") as server, httpx.Client(
        base_url=server.url, trust_env=False
    ) as client, ExitStack() as clients:  # fmt: skip
        before = open_counts(server)
        files = server.metric("process_open_fds")
        sockets = [
            clients.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            for _ in range(8)
        ]
        for connection in sockets[:4]:
            connection.sendall(post_bytes(server, "/mcp", slow_question()))
        headers, body = initialize_request()
        session = client.post("/mcp", json=body, headers=headers).headers["mcp-session-id"]
        call_headers, call_body = legacy_request(
            "tools/call", name="conversation_stats", arguments={}
        )
        in_session = call_headers | {"Mcp-Session-Id": session}
        sockets[4].sendall(post_bytes(server, "/mcp", (in_session, call_body)))
        for connection in sockets[5:]:
            request = f"GET /sse HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n"
            connection.sendall(request.encode())
            stream = connection.makefile("rb")
            lines = iter(stream.readline, b"")
            line = next(line for line in lines if line.startswith(b"data: "))
            path = line.decode().split()[1]
            initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            for message in (initialize_request()[1], initialized):
                client.post(path, json=message)
            assert client.post(path, json=call_body | {"id": 2}).status_code == 202
        wait_until(lambda: open_counts(server)["calls"] == 8)
        assert open_counts(server)["streams"] == 3
        assert open_counts(server)["sessions"] == 1
        for connection in sockets:
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        client.close()

        # The protocol wants an older client's call to go on without the client, and then to end.
        wait_until(lambda: open_counts(server) == before)
        wait_until(lambda: server.metric("process_open_fds") <= files + 1)
        assert not [line for line in server.log_lines() if line["level"] == "error"]


def test_bodies_and_headers_are_bounded(token_server: RunningServer) -> None:
    """Promised by docs/operations.md, "HTTP"."""
    headers, body = modern_request(
        "tools/call", name="get_lead", arguments={"lead": "x" * 1_000_000}
    )
    with httpx.Client(base_url=token_server.url, headers=bearer(TOKEN), trust_env=False) as client:
        # The SDK has a limit of its own, so one path is none of the SDK's.
        for path in ("/mcp", "/messages?session_id=0", "/nowhere"):
            declared = client.post(path, json=body, headers=headers)
            streamed = client.post(path, content=iter([b"x" * 600_000] * 2), headers=headers)
            assert [declared.status_code, streamed.status_code] == [413, 413]
        with socket.create_connection(("127.0.0.1", token_server.port)) as waiting:
            head = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{token_server.port}\r\n"
            token = f"Authorization: {bearer(TOKEN)['Authorization']}\r\n"
            waiting.sendall(f"{head}{token}Content-Length: 2000000\r\n\r\n".encode())
            waiting.settimeout(10)
            assert waiting.recv(100).startswith(b"HTTP/1.1 413 ")
        for size, status in ((30_000, 200), (33_000, 431)):
            assert client.get("/readyz", headers={"X-Long": "x" * size}).status_code == status
        with socket.create_connection(("127.0.0.1", token_server.port)) as endless:
            endless.sendall(b"GET /healthz HTTP/1.1\r\nX-Long: " + b"x" * 40_000)
            assert endless.recv(100).startswith(b"HTTP/1.1 431 ")
        assert client.get("/readyz").status_code == 200


def test_sessions_and_streams_are_bounded_in_all_and_for_each_client(
    token_server: RunningServer,
) -> None:
    """Promised by docs/operations.md, "Limits". With `Retry-After`; `/healthz` still answers.

    Of six sessions and streams, one client may have three.
    """
    headers, body = initialize_request()
    with ExitStack() as open_streams, httpx.Client(
        base_url=token_server.url, trust_env=False
    ) as client:  # fmt: skip
        opened = []
        for token, number in ((TOKEN, 4), (OTHER_TOKEN, 3), (THIRD_TOKEN, 1)):
            sent = headers | bearer(token)
            answers = [client.post("/mcp", json=body, headers=sent) for _ in range(number)]
            opened += [(token, answer) for answer in answers]
        statuses = [answer.status_code for _, answer in opened]
        assert statuses == [200, 200, 200, 429, 200, 200, 200, 503]
        assert opened[3][1].headers["retry-after"] == opened[7][1].headers["retry-after"] == "1"
        for token, answer in opened:
            if answer.status_code == 200:
                ended = {"Mcp-Session-Id": answer.headers["mcp-session-id"]} | bearer(token)
                assert client.delete("/mcp", headers=ended).status_code == 200

        def stream(token: str) -> httpx.Response:
            return open_streams.enter_context(client.stream("GET", "/sse", headers=bearer(token)))

        streams = [stream(token) for token in [TOKEN] * 4 + [OTHER_TOKEN] * 3 + [THIRD_TOKEN]]
        statuses = [answer.status_code for answer in streams]
        assert statuses == [200, 200, 200, 429, 200, 200, 200, 503]
        assert streams[3].headers["retry-after"] == streams[7].headers["retry-after"] == "1"
        assert client.get("/healthz").status_code == 200
    wait_until(lambda: token_server.metric('convocore_mcp_open{kind="streams"}', TOKEN) == 0)


def test_requests_are_bounded(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "HTTP". 503 with `Retry-After`."""
    with slow_server(tmp_path, max_requests="1") as server, socket.create_connection(
        ("127.0.0.1", server.port)
    ) as connection, httpx.Client(base_url=server.url, trust_env=False) as client:  # fmt: skip
        connection.sendall(post_bytes(server, "/mcp", slow_question()))
        refused = wait_until(
            lambda: response if (response := client.get("/readyz")).status_code == 503 else None
        )
        assert refused.headers["retry-after"] == "1"
        assert "Too many requests" in refused.json()["error"]
        assert client.get("/healthz").status_code == 200


def test_bodies_are_bounded_together(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "Limits": eight of the largest size."""
    largest = 1_000
    env = {"CONVOCORE_MCP_MAX_BODY_BYTES": str(largest)}
    with run_server(tmp_path, env=env) as server, ExitStack() as opened:

        def begin_a_body() -> socket.socket:
            connection = opened.enter_context(
                socket.create_connection(("127.0.0.1", server.port), timeout=30)
            )
            head = f"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: {largest}\r\n\r\n"
            connection.sendall(head.encode() + b"x" * (largest - 100))
            return connection

        for _ in range(8):
            begin_a_body()
        wait_until(lambda: open_counts(server)["requests"] == 9)  # with the one that asks
        assert begin_a_body().recv(1_000).startswith(b"HTTP/1.1 503 ")


async def test_a_body_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promised by docs/operations.md, "Limits"."""
    monkeypatch.setattr(limits, "BODY_TIMEOUT_SECONDS", 0.1)
    bounded = limits.Limits(
        Starlette(), max_requests=9, max_sessions=9, max_body_bytes=99, sessions_of=lambda _: 0
    )

    async def endless() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    transport = httpx.ASGITransport(bounded)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.post("/mcp", content=endless())).status_code == 408
    assert bounded.usage.in_use["body bytes"] == bounded.usage.in_use["requests"] == 0


def test_calls_whose_clients_are_gone_count_too(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "HTTP": -32000 with `retry_after`."""
    with slow_server(tmp_path, max_requests="1", drain_seconds="0.1") as server, httpx.Client(
        base_url=server.url, trust_env=False
    ) as client:  # fmt: skip
        headers, body = initialize_request()
        session = client.post("/mcp", json=body, headers=headers).headers["mcp-session-id"]
        call_headers, call = legacy_request("tools/call", name="conversation_stats", arguments={})
        in_session = call_headers | {"Mcp-Session-Id": session}

        def begun() -> bool:
            """Whether a call is being answered, whose client then goes."""
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(post_bytes(server, "/mcp", (in_session, call)))
                return connection.recv(100).startswith(b"HTTP/1.1 200 ")

        wait_until(begun)
        headers, body = modern_request("tools/list")

        def refusal() -> Any:
            answer = client.post("/mcp", json=body, headers=headers)
            return answer.json().get("error") if answer.status_code == 200 else None

        error = wait_until(refusal)
        assert server.stop() == 0
    assert "1 call did not finish in time, and was cut off." in server.stderr()
    assert (error["code"], error["data"]) == (-32000, {"retry_after": 1})


def test_a_signal_lets_calls_finish_and_ends_event_streams(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "HTTP". Listening clients do not delay the end."""
    answers: list[httpx.Response] = []
    with (
        slow_server(tmp_path, drain_seconds="60") as server,
        ExitStack() as open_streams,
        httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client,
    ):
        headers, body = initialize_request()
        session = client.post("/mcp", json=body, headers=headers).headers["mcp-session-id"]
        session_header = {"Mcp-Session-Id": session}
        open_streams.enter_context(client.stream("GET", "/sse"))
        open_streams.enter_context(
            client.stream("GET", "/mcp", headers=session_header | {"Accept": "text/event-stream"})
        )
        listen_headers, listen = modern_request(
            "subscriptions/listen", notifications={"toolsListChanged": True}
        )
        listening = open_streams.enter_context(
            client.stream("POST", "/mcp", json=listen, headers=listen_headers)
        )
        call_headers, call_body = legacy_request(
            "tools/call", name="conversation_stats", arguments={}
        )
        requests = [slow_question(), (call_headers | session_header, call_body)]

        def send(request: McpRequest) -> None:
            answers.append(client.post("/mcp", json=request[1], headers=request[0]))

        threads = [threading.Thread(target=send, args=[request]) for request in requests]
        for thread in threads:
            thread.start()
        wait_until(lambda: open_counts(server)["calls"] == 2)
        assert server.stop() == 0
        for thread in threads:
            thread.join()
        assert '"resultType":"complete"' in listening.read().decode()  # and was not just cut

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.text for answer in answers if '"conversations":' not in answer.text] == []
