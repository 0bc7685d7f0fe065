"""What those who run the server see: readiness, figures, log lines, traces."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx

from convocore_mcp.sandbox import Sandbox, serving
from tests.web.web_server import TOKEN, Running, bearer, hello, modern, running, until

SECRET = "what only a visitor would say"


def call(server: Running, tool: str, number: str = "", **arguments: object) -> httpx.Response:
    headers, body = modern("tools/call", name=tool, arguments=arguments)
    more = {"X-Request-ID": number} if number else {}
    return httpx.post(
        f"{server.url}/mcp", json=body, headers=headers | bearer(TOKEN) | more, trust_env=False,
        timeout=60,
    )  # fmt: skip


def test_figures_are_what_happened_and_nothing_private(tmp_path: Path) -> None:
    """Promised by the issue."""
    sandbox = Sandbox(size=100)
    with serving(sandbox) as base_url:
        settings = {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": "memory",
        }
        with running(tmp_path, "--token", TOKEN, env=settings) as server:
            for _ in range(3):
                call(server, "list_conversations", query=SECRET)
            call(server, "list_conversations", stage=["x"], nonsense=SECRET)
            call(server, "get_lead", lead=SECRET)
            call(server, SECRET)

            def figure(name: str) -> float:
                return server.figure(f"convocore_mcp_{name}", TOKEN)

            text = httpx.get(f"{server.url}/metrics", headers=bearer(TOKEN), trust_env=False).text
            assert figure('tool_calls_total{tool="list_conversations"}') == 4
            assert figure('tool_seconds_count{tool="list_conversations"}') == 4
            wrong = 'tool_errors_total{code="invalid_argument",tool="list_conversations"}'
            assert figure(wrong) == 1
            assert figure('tool_errors_total{code="not_found",tool="get_lead"}') == 1
            assert figure('tool_calls_total{tool="unknown"}') == 1
            assert figure('upstream_requests_total{status="200"}') == len(sandbox.requests)
            assert figure('http_requests_total{route="/mcp",status="200"}') == 6
            size = 'mirror_conversations{agent="demo-agent"}'
            assert figure(size) == httpx_total(server)
            assert figure('mirror_complete{agent="demo-agent"}') == 1
            assert 0 <= figure('mirror_age_seconds{agent="demo-agent"}') < 600
            assert figure('open{kind="calls"}') == 0
            said = text + server.said()
        assert SECRET not in said
        assert TOKEN not in said
        assert sandbox.key not in said


def httpx_total(server: Running) -> int:
    """How many conversations a list counts."""
    total: int = call(server, "list_conversations").json()["result"]["structuredContent"]["total"]
    return total


def test_log_lines_carry_the_request_id_of_their_request(tmp_path: Path) -> None:
    """Promised by the issue: one JSON object a line; a proxy's id is taken over."""
    with running(tmp_path, "--demo", "--token", TOKEN) as server:
        answer = call(server, "list_conversations", "from-the-proxy")
        headers, body = hello()
        older = httpx.post(
            f"{server.url}/mcp", json=body, headers=headers | bearer(TOKEN), trust_env=False
        )
        httpx.get(f"{server.url}/secret-path?token={TOKEN}", trust_env=False)
        forged = {"X-Request-ID": 'x"}{"level":"error'}
        httpx.get(f"{server.url}/healthz", headers=forged, trust_env=False)
        lines = server.lines()

    assert answer.headers["x-request-id"] == "from-the-proxy"
    its = [line for line in lines if line.get("request_id") == "from-the-proxy"]
    its = [line for line in its if line["message"] in {"call", "request"}]  # and what was read
    assert [line["message"] for line in its] == ["call", "request"]
    assert its[0].items() >= {"method": "tools/call", "tool": "list_conversations"}.items()
    assert its[0]["code"] == "ok"
    assert its[1].items() >= {"route": "/mcp", "status": 200, "client": "token-1"}.items()
    number = older.headers["x-request-id"]
    same = [line["message"] for line in lines if line.get("request_id") == number]
    assert sorted(same) == ["call", "request"]
    refused = [line for line in lines if line.get("status") == 401]
    assert [line["route"] for line in refused] == ["other"]
    assert not any("forged" in str(line) or 'x"}' in str(line) for line in lines)


def test_without_a_key_it_lives_and_is_not_ready(tmp_path: Path) -> None:
    """Promised by the issue: alive is one thing, a usable mirror another."""
    with running(tmp_path) as server:
        ready = httpx.get(f"{server.url}/readyz", trust_env=False)
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
        assert httpx.get(f"{server.url}/metrics", trust_env=False).status_code == 200
    assert ready.status_code == 503
    assert ready.json()["code"] == "not_configured"
    assert "CONVOCORE_API_KEY" in ready.json()["hint"]


def test_traces_go_where_the_environment_says(tmp_path: Path) -> None:
    """Promised by the issue: off unless configured."""
    got: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with running(tmp_path, "--demo", "--token", TOKEN, env=settings) as server:
            call(server, "get_lead", lead=SECRET)
            until(lambda: b"tools/call get_lead" in b"".join(got))
        collector.shutdown()
    assert SECRET.encode() not in b"".join(got)
    assert b"convocore-mcp" in b"".join(got)
