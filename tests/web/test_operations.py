"""What operators see: readiness, metrics, log lines and traces."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx

from convocore_mcp.sandbox import Sandbox, serving
from tests.web.web_server import (
    TOKEN,
    RunningServer,
    bearer,
    initialize_request,
    modern_request,
    run_server,
    wait_until,
)

VISITOR_TEXT = "what only a visitor would say"


def call(
    server: RunningServer, tool: str, request_id: str = "", **arguments: object
) -> httpx.Response:
    headers, body = modern_request("tools/call", name=tool, arguments=arguments)
    id_header = {"X-Request-ID": request_id} if request_id else {}
    return httpx.post(
        f"{server.url}/mcp", json=body, headers=headers | bearer(TOKEN) | id_header,
        trust_env=False, timeout=60,
    )  # fmt: skip


def test_metrics_count_what_happened_and_hold_nothing_private(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "Metrics"."""
    sandbox = Sandbox(size=100)
    with serving(sandbox) as base_url:
        settings = {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": "memory",
        }
        with run_server(tmp_path, "--token", TOKEN, env=settings) as server:
            for _ in range(3):
                call(server, "list_conversations", query=VISITOR_TEXT)
            call(server, "list_conversations", stage=["x"], nonsense=VISITOR_TEXT)
            call(server, "get_lead", lead=VISITOR_TEXT)
            call(server, VISITOR_TEXT)

            def metric(name: str) -> float:
                return server.metric(f"convocore_mcp_{name}", TOKEN)

            text = httpx.get(f"{server.url}/metrics", headers=bearer(TOKEN), trust_env=False).text
            assert metric('tool_calls_total{tool="list_conversations"}') == 4
            assert metric('tool_seconds_count{tool="list_conversations"}') == 4
            errors = 'tool_errors_total{code="invalid_argument",tool="list_conversations"}'
            assert metric(errors) == 1
            assert metric('tool_errors_total{code="not_found",tool="get_lead"}') == 1
            assert metric('tool_calls_total{tool="unknown"}') == 1
            assert metric('upstream_requests_total{status="200"}') == len(sandbox.requests)
            assert metric('http_requests_total{route="/mcp",status="200"}') == 6
            size = 'mirror_conversations{agent="demo-agent"}'
            assert metric(size) == listed_total(server)
            assert metric('mirror_complete{agent="demo-agent"}') == 1
            assert 0 <= metric('mirror_age_seconds{agent="demo-agent"}') < 600
            assert metric('open{kind="calls"}') == 0
            output = text + server.stderr()
        assert VISITOR_TEXT not in output
        assert TOKEN not in output
        assert sandbox.key not in output


def listed_total(server: RunningServer) -> int:
    """How many conversations `list_conversations` counts."""
    total: int = call(server, "list_conversations").json()["result"]["structuredContent"]["total"]
    return total


def test_log_lines_carry_the_request_id_of_their_request(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "HTTP". The proxy's request ID is kept."""
    with run_server(tmp_path, "--demo", "--token", TOKEN) as server:
        answer = call(server, "list_conversations", "from-the-proxy")
        headers, body = initialize_request()
        legacy_answer = httpx.post(
            f"{server.url}/mcp", json=body, headers=headers | bearer(TOKEN), trust_env=False
        )
        httpx.get(f"{server.url}/secret-path?token={TOKEN}", trust_env=False)
        forged = {"X-Request-ID": 'x"}{"level":"error'}
        httpx.get(f"{server.url}/healthz", headers=forged, trust_env=False)
        lines = server.log_lines()

    assert answer.headers["x-request-id"] == "from-the-proxy"
    same_id = [line for line in lines if line.get("request_id") == "from-the-proxy"]
    # The sync that the call starts logs under the same ID.
    own = [line for line in same_id if line["message"] in {"call", "request"}]
    assert [line["message"] for line in own] == ["call", "request"]
    assert own[0].items() >= {"method": "tools/call", "tool": "list_conversations"}.items()
    assert own[0]["code"] == "ok"
    assert own[1].items() >= {"route": "/mcp", "status": 200, "client": "token-1"}.items()
    new_id = legacy_answer.headers["x-request-id"]
    messages = [line["message"] for line in lines if line.get("request_id") == new_id]
    assert sorted(messages) == ["call", "request"]
    refused = [line for line in lines if line.get("status") == 401]
    assert [line["route"] for line in refused] == ["other"]
    assert not any("forged" in str(line) or 'x"}' in str(line) for line in lines)


def test_a_client_that_leaves_amid_its_request_is_no_error_of_the_server(tmp_path: Path) -> None:
    """Ours: an operator looks at errors; this one is logged as a request without a status."""
    headers, _ = modern_request("tools/list")
    headers |= {"Content-Type": "application/json", "Content-Length": "100"}
    headers |= {"Expect": "100-continue"}
    with run_server(tmp_path, "--demo") as server:
        headers["Host"] = f"127.0.0.1:{server.port}"
        lines = ("POST /mcp HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()))
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as leaving:
            leaving.sendall("\r\n".join((*lines, "", "")).encode())
            assert b"100 Continue" in leaving.recv(1000)  # it waits for the body now
        wait_until(lambda: [x for x in server.log_lines() if x.get("route") == "/mcp"])
    (line,) = [x for x in server.log_lines() if x.get("route") == "/mcp"]
    assert "status" not in line
    assert [x for x in server.log_lines() if x["level"] == "error"] == []


def test_without_a_key_the_server_is_alive_but_not_ready(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "HTTP". `/readyz` fails where the mirror cannot be used."""
    with run_server(tmp_path) as server:
        ready = httpx.get(f"{server.url}/readyz", trust_env=False)
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
        assert httpx.get(f"{server.url}/metrics", trust_env=False).status_code == 200
    assert ready.status_code == 503
    assert ready.json()["code"] == "not_configured"
    assert "CONVOCORE_API_KEY" in ready.json()["hint"]


def test_traces_are_sent_to_the_configured_endpoint(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "Metrics". Off unless configured."""
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
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
        with run_server(tmp_path, "--demo", "--token", TOKEN, env=settings) as server:
            call(server, "get_lead", lead=VISITOR_TEXT)
            wait_until(lambda: b"tools/call get_lead" in b"".join(received))
        collector.shutdown()
    assert VISITOR_TEXT.encode() not in b"".join(received)
    assert b"convocore-mcp" in b"".join(received)
