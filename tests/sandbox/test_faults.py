"""Faults that tests inject, and serving."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from convocore_mcp.sandbox import Sandbox, serving

if TYPE_CHECKING:
    from .conftest import StartSandbox


def test_faults_come_in_the_order_in_which_they_were_added(start_sandbox: StartSandbox) -> None:
    """Ours: a queue of faults; `after` requests pass, `times` requests are affected."""
    client = start_sandbox(size=5)
    client.sandbox.fail_next(503, times=2)
    client.sandbox.fail_next(429, headers={"Retry-After": "3"}, after=1)
    client.sandbox.fail_next(502, body=b"<html>bad gateway</html>")
    client.sandbox.fail_next(500, body={"success": False})
    client.sandbox.fail_next(500, times=0)
    answers = [client.get() for _ in range(7)]

    assert [a.status_code for a in answers] == [503, 503, 200, 429, 502, 500, 200]
    assert answers[0].json()["code"] == "INTERNAL_SERVER_ERROR"
    assert answers[3].headers["retry-after"] == "3"
    assert answers[4].content == b"<html>bad gateway</html>"
    assert answers[5].json() == {"success": False}


def test_single_conversations_meet_no_faults(start_sandbox: StartSandbox) -> None:
    """Ours: faults are for list requests."""
    client = start_sandbox(size=0)
    new_id = client.sandbox.insert()
    client.sandbox.fail_next(503)

    assert client.item(new_id).status_code == 200
    assert client.get().status_code == 503


def test_a_truncated_body_ends_early(start_sandbox: StartSandbox) -> None:
    """Ours: the body is shorter than its announced length."""
    client = start_sandbox(size=50)
    client.sandbox.truncate_next()

    with pytest.raises(httpx.RemoteProtocolError):
        client.get()
    assert client.get().status_code == 200


def test_a_reset_connection_gives_no_answer(start_sandbox: StartSandbox) -> None:
    """Ours: the connection breaks before a status line."""
    client = start_sandbox(size=50)
    client.sandbox.reset_next(after=1)

    assert client.get().status_code == 200
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.get()
    assert client.get().status_code == 200
    assert [r.status for r in client.sandbox.requests] == [200, 0, 200]


async def test_without_a_socket_a_reset_is_an_exception() -> None:
    """Ours: an in-memory client has no connection to break."""
    sandbox = Sandbox(size=5)
    sandbox.reset_next()
    sandbox.truncate_next()
    transport = httpx.ASGITransport(app=sandbox.app)
    headers = {"authorization": f"bearer {sandbox.key}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://sandbox/v3", headers=headers
    ) as http:
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                await http.get("/agents/demo-agent/convos")
        assert (await http.get("/agents/demo-agent/convos")).json()["success"]


async def test_only_http_is_served() -> None:
    """Ours: without an answer, a server knows that lifespan events are not supported."""
    sent: list[object] = []

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: object) -> None:
        sent.append(message)

    await Sandbox(size=1).app({"type": "lifespan"}, receive, send)
    assert sent == []


def test_a_proxy_answers_html(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "Errors". A proxy answers HTML, even with status 200."""
    client = start_sandbox(size=5)
    client.sandbox.garbage_next()
    answer = client.get()

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_a_small_body_decompresses_to_a_large_one(start_sandbox: StartSandbox) -> None:
    """Ours: a decompression bomb of any size, and valid JSON."""
    client = start_sandbox(size=5)
    client.sandbox.gzip_next(5_000_000)
    answer = client.get()

    assert len(answer.content) >= 5_000_000
    assert int(answer.headers["content-length"]) < 50_000
    assert answer.json()["data"] == []


def test_a_redirect_names_another_host(start_sandbox: StartSandbox) -> None:
    """Ours: a test can see whether a client sends its key to another host."""
    client = start_sandbox(size=5)
    client.sandbox.redirect_next("https://evil.example.net/", status=302)
    answer = client.get()

    assert (answer.status_code, answer.headers["location"]) == (302, "https://evil.example.net/")


def test_any_bytes_can_be_the_answer(start_sandbox: StartSandbox) -> None:
    """Ours: for responses that no other method makes."""
    client = start_sandbox(size=5)
    client.sandbox.respond_next(200, {"content-type": "application/json"}, b"null")

    assert client.get().json() is None


def test_a_delayed_answer_is_late_and_correct(start_sandbox: StartSandbox) -> None:
    """Ours: for tests of timeouts."""
    client = start_sandbox(size=5)
    client.sandbox.delay_next(30)
    with pytest.raises(httpx.ReadTimeout):
        client.http.get(client.path, timeout=0.05)

    client.sandbox.latency = 0.001
    client.sandbox.delay_next(0.001)
    assert len(client.get().json()["data"]) == len(list(client.sandbox.rows()))


def test_an_empty_page_loses_nothing_by_cursor(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "The list endpoint". An empty page is not the end."""
    client = start_sandbox(size=100)
    client.sandbox.empty_next(times=2)
    client.sandbox.empty_next(after=4)
    pages = list(client.by_cursor())

    assert pages[:2] == [[], []]
    assert [row for page in pages for row in page] == list(client.sandbox.rows())
    cursors = [r.query["cursor"] for r in client.sandbox.requests if "cursor" in r.query]
    assert len(set(cursors)) == len(cursors)


def test_an_empty_page_by_number_has_rows_after_it(start_sandbox: StartSandbox) -> None:
    """Ours: the rows of the next page are still there."""
    client = start_sandbox(size=60, dialect="page")
    client.sandbox.empty_next(after=1)

    assert [bool(page) for page in client.by_number(3)] == [True, False, True]


def test_expired_cursors_are_refused(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "The list endpoint". 400 for an expired cursor."""
    client = start_sandbox(size=100)
    cursor = client.get().json()["nextCursor"]
    client.sandbox.expire_cursors()
    response = client.get(cursor=cursor)

    assert (response.status_code, response.json()["code"]) == (400, "BAD_REQUEST")
    assert "cursor" in response.json()["message"]
    assert response.json()["issues"][0]["path"] == ["cursor"]
    assert client.get(cursor=client.get().json()["nextCursor"]).status_code == 200


def test_the_body_of_a_page_can_be_changed(start_sandbox: StartSandbox) -> None:
    """Ours: returned or changed in place; the sandbox's rows stay the same."""
    client = start_sandbox(size=0)
    client.sandbox.insert(userName="Jane")

    def change_name(page: dict[str, Any], number: int) -> None:
        page["data"][0]["userName"] = f"changed {number}"

    client.sandbox.alter_page(change_name)
    assert client.get().json()["data"][0]["userName"] == "changed 1"
    client.sandbox.alter_page(lambda _page, number: [number])
    assert client.get().json() == [2]
    client.sandbox.alter_page(None)
    assert client.get().json()["data"][0]["userName"] == "Jane"


def test_hooks_run_before_the_answer(start_sandbox: StartSandbox) -> None:
    """Ours: a hook may change the answer, and may be a coroutine function."""
    client = start_sandbox(size=0)
    order: list[int] = []

    async def second(number: int) -> None:
        order.append(number)

    client.sandbox.on_request += [lambda number: client.sandbox.insert(ID=f"n{number}"), second]
    assert [row["ID"] for row in client.get().json()["data"]] == ["n1"]
    assert [row["ID"] for row in client.get().json()["data"]] == ["n2", "n1"]
    assert order == [1, 2]


def test_the_log_of_another_server_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """Ours: the sandbox hides only its own log records."""
    sandbox = Sandbox(size=50)
    logger = logging.getLogger("uvicorn.error")
    with caplog.at_level(logging.INFO, "uvicorn.error"):
        with serving(sandbox) as url:
            sandbox.truncate_next()
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(f"{url}/agents/demo-agent/convos", headers={"authorization": "Bearer x"})
            logger.info("another server")
        assert [record.message for record in caplog.records] == ["another server"]


def test_serving_stops_while_a_request_is_delayed() -> None:
    """Ours: a test never hangs because of the sandbox's own delays."""
    sandbox = Sandbox(size=5)
    arrived = threading.Event()
    sandbox.on_request.append(lambda _number: arrived.set())
    sandbox.delay_next(60)

    def wait(url: str) -> None:
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{url}/agents/demo-agent/convos", timeout=20).raise_for_status()

    with serving(sandbox) as url:
        thread = threading.Thread(target=wait, args=(url,))
        thread.start()
        assert arrived.wait(10)
    thread.join(10)
    assert not thread.is_alive()


def test_a_taken_port_is_an_error() -> None:
    """Ours: raised at once, and not lost in the background thread."""
    with ExitStack() as stack:
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        with pytest.raises(OSError, match="in use"):
            stack.enter_context(serving(Sandbox(size=1), port=taken.getsockname()[1]))


def test_the_foreground_server_stops_on_a_signal_and_prints_nothing() -> None:
    """Ours: stdout may belong to the MCP protocol."""
    code = (
        "import signal, urllib.error, urllib.request\n"
        "from threading import Thread\n"
        "from convocore_mcp.sandbox import Sandbox, run\n"
        "def end(port):\n"
        "    try: urllib.request.urlopen(f'http://127.0.0.1:{port}/')\n"
        "    except urllib.error.HTTPError: signal.raise_signal(signal.SIGTERM)\n"
        "signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "start = lambda port: Thread(target=end, args=[port], daemon=True).start()\n"
        "run(Sandbox(size=3), host='127.0.0.1', port=0, on_start=start)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=30, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_importing_the_sandbox_imports_no_client_and_none_of_our_code() -> None:
    """Ours: the sandbox shares no code with the client that it tests, nor a library for it."""
    code = (
        "import sys; before = set(sys.modules); import convocore_mcp.sandbox;"
        "new = set(sys.modules) - before;"
        "print(*{m.split('.')[0] for m in new}"
        " & {'httpx', 'starlette', 'pydantic', 'sqlalchemy', 'mcp', 'typer', 'rich'},"
        " *[m for m in new if m.startswith('convocore_mcp.') and '.sandbox' not in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=True)

    assert done.stdout.strip() == b""
