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
    from .conftest import Call


def test_failures_come_in_the_order_they_were_asked_for(call: Call) -> None:
    """Ours: a script of faults; `after` requests pass, `times` are met."""
    caller = call(size=5)
    caller.sandbox.fail_next(503, times=2)
    caller.sandbox.fail_next(429, headers={"Retry-After": "3"}, after=1)
    caller.sandbox.fail_next(502, body=b"<html>bad gateway</html>")
    caller.sandbox.fail_next(500, body={"success": False})
    caller.sandbox.fail_next(500, times=0)
    answers = [caller.get() for _ in range(7)]

    assert [a.status_code for a in answers] == [503, 503, 200, 429, 502, 500, 200]
    assert answers[0].json()["code"] == "INTERNAL_SERVER_ERROR"
    assert answers[3].headers["retry-after"] == "3"
    assert answers[4].content == b"<html>bad gateway</html>"
    assert answers[5].json() == {"success": False}


def test_single_conversations_meet_no_faults(call: Call) -> None:
    """Ours: the script is for list requests."""
    caller = call(size=0)
    known = caller.sandbox.insert()
    caller.sandbox.fail_next(503)

    assert caller.item(known).status_code == 200
    assert caller.get().status_code == 503


def test_a_truncated_body_ends_early(call: Call) -> None:
    """Ours: the announced length is never reached."""
    caller = call(size=50)
    caller.sandbox.truncate_next()

    with pytest.raises(httpx.RemoteProtocolError):
        caller.get()
    assert caller.get().status_code == 200


def test_a_reset_connection_gives_no_answer(call: Call) -> None:
    """Ours: the connection breaks before a status line."""
    caller = call(size=50)
    caller.sandbox.reset_next(after=1)

    assert caller.get().status_code == 200
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        caller.get()
    assert caller.get().status_code == 200
    assert [r.status for r in caller.sandbox.requests] == [200, 0, 200]


async def test_without_a_socket_a_reset_is_an_exception() -> None:
    """Ours: in memory there is no connection to break."""
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


async def test_only_http_is_spoken() -> None:
    """Ours: a server that asks about its lifespan gets no answer, which means no."""
    sent: list[object] = []

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: object) -> None:
        sent.append(message)

    await Sandbox(size=1).app({"type": "lifespan"}, receive, send)
    assert sent == []


def test_a_proxy_answers_html(call: Call) -> None:
    """Promised by upstream: HTML from the proxy in front, even under a 200."""
    caller = call(size=5)
    caller.sandbox.garbage_next()
    answer = caller.get()

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_a_small_body_unpacks_to_a_great_one(call: Call) -> None:
    """Ours: a decompression bomb of any size, valid JSON to the end."""
    caller = call(size=5)
    caller.sandbox.gzip_next(5_000_000)
    answer = caller.get()

    assert len(answer.content) >= 5_000_000
    assert int(answer.headers["content-length"]) < 50_000
    assert answer.json()["data"] == []


def test_a_redirect_leads_away(call: Call) -> None:
    """Ours: to see whether a key is carried to another host."""
    caller = call(size=5)
    caller.sandbox.redirect_next("https://evil.example.net/", status=302)
    answer = caller.get()

    assert (answer.status_code, answer.headers["location"]) == (302, "https://evil.example.net/")


def test_any_bytes_can_be_the_answer(call: Call) -> None:
    """Ours: what no constructor foresaw."""
    caller = call(size=5)
    caller.sandbox.respond_next(200, {"content-type": "application/json"}, b"null")

    assert caller.get().json() is None


def test_a_delayed_answer_is_late_and_right(call: Call) -> None:
    """Ours: for timeouts."""
    caller = call(size=5)
    caller.sandbox.delay_next(30)
    with pytest.raises(httpx.ReadTimeout):
        caller.http.get(caller.path, timeout=0.05)

    caller.sandbox.latency = 0.001
    caller.sandbox.delay_next(0.001)
    assert len(caller.get().json()["data"]) == len(list(caller.sandbox.rows()))


def test_an_empty_page_loses_nothing_by_cursor(call: Call) -> None:
    """Promised by upstream: an empty page is not the end. Ours: its cursor is a new one."""
    caller = call(size=100)
    caller.sandbox.empty_next(times=2)
    caller.sandbox.empty_next(after=4)
    pages = list(caller.by_cursor())

    assert pages[:2] == [[], []]
    assert [row for page in pages for row in page] == list(caller.sandbox.rows())
    cursors = [r.query["cursor"] for r in caller.sandbox.requests if "cursor" in r.query]
    assert len(set(cursors)) == len(cursors)


def test_an_empty_page_by_number_is_just_empty(call: Call) -> None:
    """Ours: the rows behind it are still there."""
    caller = call(size=60, dialect="page")
    caller.sandbox.empty_next(after=1)

    assert [bool(page) for page in caller.by_number(3)] == [True, False, True]


def test_expired_cursors_are_refused(call: Call) -> None:
    """Promised by upstream: 400 for an expired cursor."""
    caller = call(size=100)
    cursor = caller.get().json()["nextCursor"]
    caller.sandbox.expire_cursors()
    refused = caller.get(cursor=cursor)

    assert (refused.status_code, refused.json()["code"]) == (400, "BAD_REQUEST")
    assert "cursor" in refused.json()["message"]
    assert refused.json()["issues"][0]["path"] == ["cursor"]
    assert caller.get(cursor=caller.get().json()["nextCursor"]).status_code == 200


def test_an_envelope_can_be_rewritten(call: Call) -> None:
    """Ours: a new value, or changed in place; the conversations stay untouched."""
    caller = call(size=0)
    caller.sandbox.insert(userName="Jane")

    def spoil(page: dict[str, Any], number: int) -> None:
        page["data"][0]["userName"] = f"changed {number}"

    caller.sandbox.alter_page(spoil)
    assert caller.get().json()["data"][0]["userName"] == "changed 1"
    caller.sandbox.alter_page(lambda _page, number: [number])
    assert caller.get().json() == [2]
    caller.sandbox.alter_page(None)
    assert caller.get().json()["data"][0]["userName"] == "Jane"


def test_hooks_come_before_the_answer(call: Call) -> None:
    """Ours: they may change what is answered, and may be coroutines."""
    caller = call(size=0)
    order: list[int] = []

    async def second(number: int) -> None:
        order.append(number)

    caller.sandbox.on_request += [lambda number: caller.sandbox.insert(ID=f"n{number}"), second]
    assert [row["ID"] for row in caller.get().json()["data"]] == ["n1"]
    assert [row["ID"] for row in caller.get().json()["data"]] == ["n2", "n1"]
    assert order == [1, 2]


def test_another_server_keeps_its_log(caplog: pytest.LogCaptureFixture) -> None:
    """Ours: the sandbox is quiet, and only about itself."""
    sandbox = Sandbox(size=50)
    logger = logging.getLogger("uvicorn.error")
    with caplog.at_level(logging.INFO, "uvicorn.error"):
        with serving(sandbox) as url:
            sandbox.truncate_next()
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(f"{url}/agents/demo-agent/convos", headers={"authorization": "Bearer x"})
            logger.info("someone else")
        assert [record.message for record in caplog.records] == ["someone else"]


def test_serving_stops_though_someone_still_waits() -> None:
    """Ours: a test never hangs on the sandbox's own delays."""
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
    """Ours: at once, not in a thread that nobody watches."""
    with ExitStack() as stack:
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        with pytest.raises(OSError, match="in use"):
            stack.enter_context(serving(Sandbox(size=1), port=taken.getsockname()[1]))


def test_the_foreground_server_stops_on_a_signal_and_prints_nothing() -> None:
    """Ours: stdout may belong to a protocol."""
    code = (
        "import signal, threading, time, urllib.error, urllib.request\n"
        "from convocore_mcp.sandbox import Sandbox, run\n"
        "import socket\n"
        "with socket.create_server(('127.0.0.1', 0)) as s: port = s.getsockname()[1]\n"
        "def end():\n"
        "    while True:\n"
        "        try: urllib.request.urlopen(f'http://127.0.0.1:{port}/'); break\n"
        "        except urllib.error.HTTPError: break\n"
        "        except OSError: time.sleep(0.01)\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "threading.Thread(target=end, daemon=True).start()\n"
        "signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "run(Sandbox(size=3), host='127.0.0.1', port=port)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=30, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_importing_the_sandbox_imports_no_server() -> None:
    """Ours: the command line imports it and must start at once."""
    code = (
        "import sys; before = set(sys.modules); import convocore_mcp.sandbox;"
        "print(*{m.split('.')[0] for m in set(sys.modules) - before}"
        " & {'uvicorn', 'anyio', 'starlette', 'httpx', 'asyncio', 'ssl'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=True)

    assert done.stdout.strip() == b""
