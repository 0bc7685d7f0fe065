"""How much at a time, what a vanished client leaves behind, and how it all ends."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from convocore_mcp.sandbox import Sandbox, serving
from tests.web.web_server import TOKEN, Running, bearer, hello, legacy, modern, running, until


@contextmanager
def slow(folder: Path, **settings: str) -> Iterator[Running]:
    """A server whose first question takes some seconds, because its upstream is slow."""
    sandbox = Sandbox(size=300, latency=0.15)
    with serving(sandbox) as base_url:
        env = {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": "memory",
        }
        named = {f"CONVOCORE_MCP_{name.upper()}": value for name, value in settings.items()}
        with running(folder, env=env | named) as server:
            yield server


def open_now(server: Running) -> dict[str, float]:
    kinds = ("requests", "streams", "calls", "sessions")
    return {kind: server.figure(f'convocore_mcp_open{{kind="{kind}"}}') for kind in kinds}


def post(server: Running, path: str, said: tuple[dict[str, str], object]) -> bytes:
    """A request as bytes, for a client that is going to vanish."""
    body = json.dumps(said[1]).encode()
    headers = {"Host": f"127.0.0.1:{server.port}", "Content-Type": "application/json"}
    headers |= said[0] | {"Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def question() -> tuple[dict[str, str], object]:
    return modern("tools/call", name="conversation_stats", arguments={})


def test_a_client_that_vanishes_in_mid_call_leaves_nothing_behind(tmp_path: Path) -> None:
    """Promised by the issue, in each way in."""
    with slow(tmp_path, session_seconds="0.5") as server, httpx.Client(
        base_url=server.url, trust_env=False
    ) as client, ExitStack() as clients:  # fmt: skip
        before = open_now(server)
        files = server.figure("process_open_fds")
        sockets = [
            clients.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            for _ in range(8)
        ]
        for one in sockets[:4]:
            one.sendall(post(server, "/mcp", question()))
        headers, body = hello()
        session = client.post("/mcp", json=body, headers=headers).headers["mcp-session-id"]
        asked = legacy("tools/call", name="conversation_stats", arguments={})
        sockets[4].sendall(post(server, "/mcp", (asked[0] | {"Mcp-Session-Id": session}, asked[1])))
        for one in sockets[5:]:
            one.sendall(f"GET /sse HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
            stream = one.makefile("rb")
            line = next(x for x in iter(stream.readline, b"") if x.startswith(b"data: "))
            path = line.decode().split()[1]
            for said in (hello()[1], {"jsonrpc": "2.0", "method": "notifications/initialized"}):
                client.post(path, json=said)
            assert client.post(path, json=asked[1] | {"id": 2}).status_code == 202
        until(lambda: open_now(server)["calls"] == 8)
        assert open_now(server)["streams"] == 3
        assert open_now(server)["sessions"] == 1
        for one in sockets:
            one.shutdown(socket.SHUT_RDWR)
            one.close()
        client.close()

        # An older client's call goes on without it, as the protocol wants, and then ends.
        until(lambda: open_now(server) == before)
        until(lambda: server.figure("process_open_fds") <= files + 1)
        assert not [line for line in server.lines() if line["level"] == "error"]


def test_bodies_and_headers_are_bounded(guarded: Running) -> None:
    """Promised by the issue."""
    headers, body = modern("tools/call", name="get_lead", arguments={"lead": "x" * 1_000_000})
    with httpx.Client(base_url=guarded.url, headers=bearer(TOKEN), trust_env=False) as client:
        for path in ("/mcp", "/messages?session_id=0"):
            declared = client.post(path, json=body, headers=headers)
            streamed = client.post(path, content=iter([b"x" * 600_000] * 2), headers=headers)
            assert [declared.status_code, streamed.status_code] == [413, 413]
        for size, status in ((30_000, 200), (33_000, 431)):
            assert client.get("/readyz", headers={"X-Long": "x" * size}).status_code == status
        with socket.create_connection(("127.0.0.1", guarded.port)) as endless:
            endless.sendall(b"GET /healthz HTTP/1.1\r\nX-Long: " + b"x" * 40_000)
            assert endless.recv(100).startswith(b"HTTP/1.1 400 ")
        assert client.get("/readyz").status_code == 200


def test_sessions_and_streams_are_bounded(guarded: Running) -> None:
    """Promised by the issue: 503 and when to come again; `/healthz` goes on."""
    headers, body = hello()
    with ExitStack() as open_, httpx.Client(
        base_url=guarded.url, headers=bearer(TOKEN), trust_env=False
    ) as client:  # fmt: skip
        sessions = [client.post("/mcp", json=body, headers=headers) for _ in range(4)]
        assert [answer.status_code for answer in sessions] == [200, 200, 200, 503]
        assert sessions[3].headers["retry-after"] == "1"
        for answer in sessions[:3]:
            ended = {"Mcp-Session-Id": answer.headers["mcp-session-id"]}
            assert client.delete("/mcp", headers=ended).status_code == 200
        streams = [open_.enter_context(client.stream("GET", "/sse")) for _ in range(4)]
        assert [answer.status_code for answer in streams] == [200, 200, 200, 503]
        assert streams[3].headers["retry-after"] == "1"
        assert client.get("/healthz").status_code == 200
    until(lambda: guarded.figure('convocore_mcp_open{kind="streams"}', TOKEN) == 0)


def test_requests_are_bounded(tmp_path: Path) -> None:
    """Promised by the issue: 503 and when to come again."""
    with slow(tmp_path, max_requests="1") as server, socket.create_connection(
        ("127.0.0.1", server.port)
    ) as one, httpx.Client(base_url=server.url, trust_env=False) as client:  # fmt: skip
        one.sendall(post(server, "/mcp", question()))
        refused = until(lambda: (r := client.get("/readyz")).status_code == 503 and r)
        assert refused.headers["retry-after"] == "1"
        assert "Too many requests" in refused.json()["error"]
        assert client.get("/healthz").status_code == 200


def test_a_signal_lets_calls_end_and_streams_go(tmp_path: Path) -> None:
    """Promised by the issue: SIGTERM drains and exits; nobody who only listens holds it up."""
    answers: list[httpx.Response] = []
    with slow(tmp_path, drain_seconds="20") as server, ExitStack() as open_, httpx.Client(
        base_url=server.url, trust_env=False, timeout=60
    ) as client:  # fmt: skip
        headers, body = hello()
        session = client.post("/mcp", json=body, headers=headers).headers["mcp-session-id"]
        mine = {"Mcp-Session-Id": session}
        open_.enter_context(client.stream("GET", "/sse"))
        open_.enter_context(
            client.stream("GET", "/mcp", headers=mine | {"Accept": "text/event-stream"})
        )
        wanted, listen = modern("subscriptions/listen", notifications={"toolsListChanged": True})
        open_.enter_context(client.stream("POST", "/mcp", json=listen, headers=wanted))
        asked = [question(), legacy("tools/call", name="conversation_stats", arguments={})]
        asked[1][0].update(mine)

        def ask(said: tuple[dict[str, str], object]) -> None:
            answers.append(client.post("/mcp", json=said[1], headers=said[0]))

        threads = [threading.Thread(target=ask, args=[said]) for said in asked]
        for thread in threads:
            thread.start()
        until(lambda: open_now(server)["calls"] == 2)
        assert server.stop() == 0
        for thread in threads:
            thread.join()

    assert [answer.status_code for answer in answers] == [200, 200]
    assert all('"conversations":' in answer.text for answer in answers)
