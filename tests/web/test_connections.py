"""Clients that show no token, send half a request, or read nothing of what they asked for."""

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from convocore_mcp.web.connections.bounded_protocol import MAX_PIPELINED
from convocore_mcp.web.connections.connection_table import (
    MAX_LEAVING,
    ConnectionTable,
    network_of,
)
from convocore_mcp.web.transports.sse_endpoint import MAX_PENDING
from tests.web.web_server import (
    TOKEN,
    RunningServer,
    bearer,
    initialize_request,
    legacy_request,
    modern_request,
    run_server,
    wait_until,
)

HALF_OPEN = 300
SETTINGS = {"CONVOCORE_MCP_HEADER_SECONDS": "1", "CONVOCORE_MCP_STALL_SECONDS": "3"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with 64 descriptors, a second for headers, and three for reading."""
    folder = tmp_path_factory.mktemp("connections")
    with run_server(
        folder, "--demo", "--token", TOKEN, env=SETTINGS, prepare="ulimit -n 64"
    ) as running:
        yield running


def test_half_open_connections_leave_room_for_others(server: RunningServer) -> None:
    """Promised by docs/operations.md, "Limits". Far more than there are descriptors."""
    before = len(server.stderr())
    cpu_seconds = server.metric("process_cpu_seconds_total", TOKEN)
    with ExitStack() as opened:
        for _ in range(HALF_OPEN):
            half_open = opened.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            half_open.sendall(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(5):
            answer = httpx.get(f"{server.url}/healthz", trust_env=False, timeout=10)
            assert answer.status_code == 200
        asked = httpx.get(
            f"{server.url}/readyz", headers=bearer(TOKEN), trust_env=False, timeout=10
        )
        assert asked.status_code == 200
    assert server.metric("process_cpu_seconds_total", TOKEN) - cpu_seconds < 10
    assert len(server.stderr()) - before < 20_000


def test_a_client_that_has_shown_a_token_outlives_a_flood_of_strangers(
    server: RunningServer,
) -> None:
    """Promised by docs/operations.md, "Limits": one whose request is answered is never ended."""
    with (
        httpx.Client(
            base_url=server.url, headers=bearer(TOKEN), trust_env=False, timeout=30
        ) as client,
        client.stream("GET", "/sse") as stream,
        ExitStack() as opened,
    ):
        data = (line[5:].strip() for line in stream.iter_lines() if line.startswith("data:"))
        path = next(data)
        for _ in range(HALF_OPEN):
            opened.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        assert client.post(path, json=initialize_request()[1]).status_code == 202
        assert json.loads(next(data))["result"]


def test_what_is_asked_before_the_first_answer_is_bounded(server: RunningServer) -> None:
    """Ours: requests that wait in a connection take memory, too."""
    ask = f"GET /readyz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as eager:
        eager.sendall(ask.encode() * 100)
        answers = b"".join(iter(lambda: eager.recv(65_536), b""))
    assert answers.count(b"HTTP/1.1 200 ") <= MAX_PIPELINED
    assert answers.count(b"HTTP/1.1 400 ") == 1


def test_a_body_in_tiny_chunks_is_cut_off(server: RunningServer) -> None:
    """Promised by docs/operations.md, "Limits": each chunk takes far more memory than its byte."""
    head = (
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n"
    )
    answer = b""
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection,
        suppress(ConnectionError),
    ):
        connection.sendall(head.encode() + b"1\r\nx\r\n" * 700_000 + b"0\r\n\r\n")
        answer = connection.recv(1_000)
    assert answer == b""


def test_headers_have_a_time_limit(server: RunningServer) -> None:
    """Promised by docs/operations.md, "Limits". A byte now and then does not extend it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nX: ")
        slow.settimeout(0.2)
        answer = b""
        for _ in range(50):
            try:
                answer = slow.recv(100)
                break
            except TimeoutError:
                slow.sendall(b"x")
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_says_nothing_is_closed(server: RunningServer) -> None:
    """Promised by docs/operations.md, "Limits"."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as silent:
        assert silent.recv(100) == b""


def test_a_client_that_posts_and_reads_nothing_is_refused_and_cut_off(
    server: RunningServer,
) -> None:
    """Promised by docs/operations.md, "Limits". Over HTTP+SSE."""
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.connect(("127.0.0.1", server.port))
    authorization = f"Authorization: Bearer {TOKEN}"
    stream.sendall(f"GET /sse HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n\r\n".encode())
    received = b""
    while b"session_id=" not in received or not received.endswith(b"\r\n\r\n"):
        received += stream.recv(1000)
    path = received.partition(b"data: ")[2].split()[0].decode()
    with (
        httpx.Client(
            base_url=server.url, headers=bearer(TOKEN), trust_env=False, timeout=30
        ) as client,
        stream,
    ):
        client.post(path, json=initialize_request()[1])
        client.post(path, json={"jsonrpc": "2.0", "method": "notifications/initialized"})
        # However the stream's ID is written: as the SDK reads it, it is the same.
        path = path.replace("session_id=", "session_id=0&session%5Fid=urn:uuid:")
        statuses = (asked(client, path) for _ in range(1_000))
        assert next(status for status in statuses if status != 202) == 503
        open_requests = 'convocore_mcp_open{kind="requests"}'
        assert server.metric(open_requests, TOKEN) <= MAX_PENDING + 1
        # It asks on: the answers to what was asked so far may fit into the system's buffers.
        wait_until(lambda: asked(client, path) == 404)
        wait_until(lambda: server.metric('convocore_mcp_open{kind="streams"}', TOKEN) == 0)
        wait_until(lambda: server.metric(open_requests, TOKEN) == 1)


def asked(client: httpx.Client, path: str) -> int:
    """The status of one more question on a stream, whose answer is long."""
    return client.post(path, json=legacy_request("tools/list")[1]).status_code


@pytest.mark.parametrize("accept", ["text/event-stream", None, "text/event-stream;q=0.9"])
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_client_that_accepts_only_event_streams_or_says_nothing_is_answered(
    server: RunningServer, era: str, accept: str | None
) -> None:
    """Promised by docs/operations.md, "HTTP"."""
    headers, body = modern_request("tools/list") if era == "modern" else initialize_request()
    headers = {name: value for name, value in headers.items() if name != "Accept"} | bearer(TOKEN)
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        del client.headers["accept"]
        answer = client.post(
            "/mcp", json=body, headers=headers | ({"Accept": accept} if accept else {})
        )
    assert answer.status_code == 200
    is_stream = answer.headers["content-type"].startswith("text/event-stream")
    assert is_stream or not accept
    data = answer.text.partition("data: ")[2] if is_stream else answer.text
    assert json.loads(data)["result"]


def test_who_is_refused_before_all_was_read_learns_why(server: RunningServer) -> None:
    """Promised by docs/operations.md, "Limits": a connection that is reset loses the answer."""
    head = (
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Content-Length: 900000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as refused:
        refused.sendall(head.encode())
        answer = refused.recv(1_000)
        for _ in range(9):
            refused.sendall(b"x" * 100_000)
        answer += b"".join(iter(lambda: refused.recv(1_000), b""))
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.endswith(b"}")


class Recorded:
    """A connection that notes that it was ended, and whether at once."""

    def __init__(self) -> None:
        self.ended = self.at_once = self.has_unsent = False

    def give_way(self) -> None:
        self.ended = True

    def end(self) -> None:
        self.at_once = True

    def check(self, now: float) -> None:
        pass


def test_unauthenticated_connections_are_ended_first_and_busy_ones_never() -> None:
    """Promised by docs/operations.md, "Limits"."""
    table = ConnectionTable(max_connections=3, max_unauthenticated_per_address=2)
    busy, idle, stranger, other, last = (Recorded() for _ in range(5))
    for known in (busy, idle):
        assert table.admit(known, "10.0.0.1")
        table.authenticated(known)
    table.answered(idle)
    assert table.admit(stranger, "10.0.0.2")
    assert table.admit(other, "10.0.0.3")
    assert (stranger.ended, idle.ended, busy.ended) == (True, False, False)
    table.authenticated(other)
    assert table.admit(last, "10.0.0.3")
    assert idle.ended
    table.authenticated(last)
    assert not table.admit(Recorded(), "10.0.0.5")
    assert not busy.ended


def test_an_answer_that_is_not_sent_yet_is_not_lost_for_a_new_connection() -> None:
    """Promised by docs/operations.md, "Limits"."""
    table = ConnectionTable(max_connections=1, max_unauthenticated_per_address=9)
    answered = Recorded()
    assert table.admit(answered, "10.0.0.1")
    table.authenticated(answered)
    table.answered(answered)
    answered.has_unsent = True
    assert not table.admit(Recorded(), "10.0.0.2")
    answered.has_unsent = False
    assert table.admit(Recorded(), "10.0.0.3")
    assert (answered.ended, answered.at_once) == (True, False)


def test_connections_that_are_told_to_leave_are_bounded() -> None:
    """Ours: each of them is a file descriptor."""
    table = ConnectionTable(max_connections=1, max_unauthenticated_per_address=1)
    strangers = [Recorded() for _ in range(MAX_LEAVING + 3)]
    for stranger in strangers:
        assert table.admit(stranger, "10.0.0.1")
    assert [stranger.at_once for stranger in strangers] == [True] * 2 + [False] * (MAX_LEAVING + 1)
    table.authenticated(strangers[5])  # its request was begun before
    assert table.admit(Recorded(), "10.0.0.1")
    assert strangers[2].at_once


def test_unauthenticated_connections_of_one_address_are_bounded() -> None:
    """Promised by docs/operations.md, "Limits". Of IPv6, a network of 64 bits is one address."""
    table = ConnectionTable(max_connections=100, max_unauthenticated_per_address=2)
    first, second, third, elsewhere = (Recorded() for _ in range(4))
    table.admit(elsewhere, "10.0.0.1")
    for number, connection in enumerate((first, second, third)):
        table.admit(connection, f"2001:db8::{number}")
    assert [c.ended for c in (first, second, third, elsewhere)] == [True, False, False, False]
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1")
    assert network_of("2001:db8::1") != network_of("2001:db8:0:1::1")


def test_hanging_up_drains_as_other_signals_do(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "HTTP"."""
    with run_server(tmp_path, "--token", TOKEN) as running:
        assert running.stop(signal.SIGHUP) == 0
