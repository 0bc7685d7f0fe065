"""Who may connect: tokens, the Host header, the Origin header, and unsafe settings."""

import http.client
import os
from typing import NoReturn

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from convocore_mcp.cli.commands import app
from convocore_mcp.web.http_settings import HttpSettings
from tests.web.web_server import (
    OTHER_TOKEN,
    TOKEN,
    RunningServer,
    bearer,
    initialize_request,
    modern_request,
)

PATHS = [
    "/", "/mcp", "/mcp/", "/sse", "/messages", "/messages/?session_id=0", "/readyz", "/metrics",
    "/convocore/mcp", "/.well-known/oauth-protected-resource/mcp", "/nothing", "//mcp",
    "/healthz/..", "/healthz/../mcp", "/%68ealthz/x", "/mcp?token=" + TOKEN,
    "/mcp?access_token=" + TOKEN,
]  # fmt: skip
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"]
WRONG_HEADERS = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer wrong"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": TOKEN},
    {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": f"Bearer {TOKEN[:-1]}"},
    {"Authorization": f"Bearer {TOKEN},{OTHER_TOKEN}"},
    {"Authorization": f"Bearer {TOKEN.upper()}"},
    {"X-Authorization": f"Bearer {TOKEN}", "Cookie": f"token={TOKEN}"},
]


def raw_status(
    server: RunningServer, method: str, target: str, headers: list[tuple[str, str]]
) -> int:
    """The status of a request that is sent unchanged: no path is normalised, no header merged."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest(method, target, skip_host=any(name == "Host" for name, _ in headers))
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_every_path_and_method_is_refused_without_a_token(token_server: RunningServer) -> None:
    """Promised by docs/operations.md, "HTTP". Every answer is 401, except that of `/healthz`."""
    for path in PATHS:
        for method in METHODS:
            assert raw_status(token_server, method, path, []) == 401, (method, path)
    with httpx.Client(base_url=token_server.url, trust_env=False) as client:
        assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("wrong", WRONG_HEADERS)
def test_a_wrong_token_is_refused_in_both_eras(
    token_server: RunningServer, wrong: dict[str, str]
) -> None:
    """Promised by docs/operations.md, "HTTP"."""
    with httpx.Client(base_url=token_server.url, trust_env=False) as client:
        for headers, body in (
            initialize_request(),
            modern_request("tools/list"),
            modern_request("server/discover"),
        ):
            for path in ("/mcp", "/messages?session_id=0"):
                answer = client.post(path, json=body, headers=headers | wrong)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"].startswith("Bearer ")
        foreign = {"Host": "evil.example", "Origin": "https://evil.example"}
        assert client.get("/mcp", headers=wrong | foreign).status_code == 401


def test_two_authorization_headers_are_refused(token_server: RunningServer) -> None:
    """Ours: a proxy and the server could disagree on which header counts."""
    twice = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer other")]
    assert raw_status(token_server, "GET", "/readyz", twice) == 401
    assert raw_status(token_server, "GET", "/readyz", twice[:1]) == 200


@pytest.mark.parametrize("token", [TOKEN, OTHER_TOKEN])
def test_each_of_several_tokens_is_accepted(token_server: RunningServer, token: str) -> None:
    """Promised by docs/operations.md, "HTTP". Several tokens at a time make rotation possible."""
    headers, body = modern_request("tools/list")
    answer = httpx.post(
        f"{token_server.url}/mcp", json=body, headers=headers | bearer(token), trust_env=False
    )
    assert answer.status_code == 200
    assert len(answer.json()["result"]["tools"]) >= 5


def test_a_session_belongs_to_the_token_that_opened_it(token_server: RunningServer) -> None:
    """Ours: another client's session ID is of no use to an attacker."""
    headers, body = initialize_request()
    with httpx.Client(base_url=token_server.url, headers=headers, trust_env=False) as client:
        opened = client.post("/mcp", json=body, headers=bearer(TOKEN))
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        same_token = client.post("/mcp", json=ping, headers=bearer(TOKEN) | session)
        other_token = client.post("/mcp", json=ping, headers=bearer(OTHER_TOKEN) | session)
        ended = client.delete("/mcp", headers=bearer(TOKEN) | session)

    assert [same_token.status_code, other_token.status_code, ended.status_code] == [200, 404, 200]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("localhost:8000", 200), ("127.0.0.1", 200), ("[::1]:1", 200),
        ("leads.example", 200), ("LEADS.example:444", 200), ("mcp.example", 200),
        ("evil.example", 421), ("leads.example.evil.example", 421), ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421), ("10.0.0.1", 421), ("localhost@evil.example", 421),
        ("0.0.0.0", 421), ("2130706433", 421), ("evil-leads.example", 421),
    ],
)  # fmt: skip
def test_a_foreign_host_is_refused(token_server: RunningServer, host: str, status: int) -> None:
    """Promised by docs/operations.md, "HTTP". A page whose name was made to resolve
    to this server (DNS rebinding) sends its own name."""
    headers = [("Host", host), ("Authorization", f"Bearer {TOKEN}")]
    for path in ("/readyz", "/metrics", "/convocore/readyz"):
        assert raw_status(token_server, "GET", path, headers) == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://app.example", 200), ("http://localhost:3000", 200), ("http://[::1]:1", 200),
        ("https://mcp.example", 200), ("http://app.example", 403), ("https://app.example:8", 403),
        ("https://evil.example", 403), ("null", 403), ("", 403), ("file://", 403),
        ("http://localhost.evil.example", 403), ("https://app.example.evil.example", 403),
        ("https://localhost@evil.example", 403), ("http://[", 403),
    ],
)  # fmt: skip
def test_a_foreign_origin_is_refused(token_server: RunningServer, origin: str, status: int) -> None:
    """Promised by docs/operations.md, "HTTP"."""
    headers, body = modern_request("tools/list")
    answer = httpx.post(
        f"{token_server.url}/mcp",
        json=body,
        headers=headers | bearer(TOKEN) | {"Origin": origin},
        trust_env=False,
    )
    assert answer.status_code == status


@pytest.mark.parametrize("prefix", ["", "/convocore"])
def test_behind_a_proxy_the_event_stream_names_the_path_with_the_prefix(
    token_server: RunningServer, prefix: str
) -> None:
    """Promised by docs/operations.md, "HTTP". A proxy may remove the prefix or keep it."""
    with httpx.stream(
        "GET", f"{token_server.url}{prefix}/sse", headers=bearer(TOKEN), trust_env=False
    ) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: endpoint"
        assert next(lines).startswith("data: /convocore/messages?session_id=")


def start_error(monkeypatch: pytest.MonkeyPatch, *options: str, **env: str) -> str:
    """The output of a server that refuses to start; it would serve for ever if it did not."""

    def serve(*_: object, **__: object) -> NoReturn:
        pytest.fail("The server has started.")

    monkeypatch.setattr(uvicorn.Server, "run", serve)
    for name in os.environ:
        if name.startswith("CONVOCORE_"):
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(f"CONVOCORE_{name}", value)
    result = CliRunner().invoke(app, ["serve", *options])
    assert result.exit_code == 2  # docs/operations.md, "Commands": a setting is missing or wrong
    return result.output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_a_server_that_others_can_reach_does_not_start_without_tokens(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Promised by docs/operations.md, "HTTP". The error says in one sentence what to set."""
    output = start_error(monkeypatch, "--transport", "http", "--host", host)
    assert "CONVOCORE_MCP_TOKENS" in output
    assert "--oauth-issuer" in output
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "env", "setting"),
    [
        (["--token", "x"], {}, "--transport"),
        (["--transport", "http", "--token", "two words\n"], {}, "tokens"),
        (["--transport", "http", "--token", ""], {}, "tokens"),
        (["--transport", "sse"], {"MCP_TOKENS": " , "}, "tokens"),
        (["--transport", "http"], {"MCP_TOKENS": "${TOKENS}"}, "CONVOCORE_MCP_TOKENS holds"),
        (["--transport", "http", "--oauth-issuer", "https://i.example"], {}, "AUDIENCE"),
        (["--transport", "http"], {"MCP_ALLOWED_HOSTS": "https://x"}, "allowed_hosts"),
        (["--transport", "http"], {"MCP_ALLOWED_ORIGINS": "x"}, "allowed_origins"),
        (["--transport", "http"], {"MCP_MAX_REQUESTS": "0"}, "max_requests"),
        (["--transport", "http"], {"MCP_TOKENS": "Bearer "}, "tokens"),
        (["--transport", "http"], {"MCP_SESSION_SECONDS": "inf"}, "session_seconds"),
        (["--transport", "http"], {"MCP_DRAIN_SECONDS": "inf"}, "drain_seconds"),
        (["--transport", "http"], {"MCP_HEADER_SECONDS": "1e300"}, "header_seconds"),
        (["--transport", "http"], {"MCP_STALL_SECONDS": "inf"}, "stall_seconds"),
        (["--transport", "http"], {"MCP_ALLOWED_HOSTS": "x.example:99999"}, "allowed_hosts"),
        (["--transport", "http", "--public-url", "https://x.example:65536"], {}, "public_url"),
        (["--transport", "http", "--public-url", "mcp.example"], {}, "public_url"),
        (["--transport", "http"], {"REGION": "mars"}, "region"),
        (["--transport", "http", "--host", "no.such.host.invalid"], {}, "token"),
    ],
)  # fmt: skip
def test_a_wrong_setting_stops_the_start_and_is_named(
    monkeypatch: pytest.MonkeyPatch, options: list[str], env: dict[str, str], setting: str
) -> None:
    """Ours: the operator gets a sentence, not a stack trace."""
    output = start_error(monkeypatch, *options, **env)
    assert setting.lower() in output.lower()
    assert "Traceback" not in output


def test_the_scheme_before_a_pasted_token_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promised by docs/security.md, "What is trusted": nobody would have to guess it."""
    monkeypatch.setenv("CONVOCORE_MCP_TOKENS", f"Bearer {TOKEN}, bearer {OTHER_TOKEN}")
    tokens = [token.get_secret_value() for token in HttpSettings().tokens]
    assert tokens == [TOKEN, OTHER_TOKEN]
