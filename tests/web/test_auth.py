"""Who is let in: nobody without a token, nobody from elsewhere."""

import http.client
import os

import httpx
import pytest
from typer.testing import CliRunner

from convocore_mcp.cli.commands import app
from tests.web.web_server import (
    OTHER_TOKEN,
    TOKEN,
    Running,
    bearer,
    hello,
    modern,
)

PATHS = [
    "/", "/mcp", "/mcp/", "/sse", "/messages", "/messages/?session_id=0", "/readyz", "/metrics",
    "/convocore/mcp", "/.well-known/oauth-protected-resource/mcp", "/nothing", "//mcp",
    "/healthz/..", "/healthz/../mcp", "/%68ealthz/x", "/mcp?token=" + TOKEN,
    "/mcp?access_token=" + TOKEN,
]  # fmt: skip
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"]
WRONG = [
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


def raw(server: Running, method: str, target: str, headers: list[tuple[str, str]]) -> int:
    """The status of a request sent as it stands, paths and repeated headers included."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest(method, target, skip_host=any(n == "Host" for n, _ in headers))
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_without_a_valid_token_every_path_and_method_is_refused(guarded: Running) -> None:
    """Promised by the issue: nothing but 401, `/healthz` aside."""
    for path in PATHS:
        for method in METHODS:
            assert raw(guarded, method, path, []) == 401, (method, path)
    with httpx.Client(base_url=guarded.url, trust_env=False) as client:
        assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_token_is_refused_in_both_eras(guarded: Running, wrong: dict[str, str]) -> None:
    """Promised by the issue."""
    with httpx.Client(base_url=guarded.url, trust_env=False) as client:
        for headers, body in (hello(), modern("tools/list"), modern("server/discover")):
            for path in ("/mcp", "/messages?session_id=0"):
                answer = client.post(path, json=body, headers=headers | wrong)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"].startswith("Bearer ")
        foreign = {"Host": "evil.example", "Origin": "https://evil.example"}
        assert client.get("/mcp", headers=wrong | foreign).status_code == 401


def test_two_authorization_headers_are_refused(guarded: Running) -> None:
    """Ours: which of them counts must not depend on who reads them."""
    twice = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer other")]
    assert raw(guarded, "GET", "/readyz", twice) == 401
    assert raw(guarded, "GET", "/readyz", twice[:1]) == 200


@pytest.mark.parametrize("token", [TOKEN, OTHER_TOKEN])
def test_each_of_several_tokens_is_let_in(guarded: Running, token: str) -> None:
    """Promised by the issue: so that they can be rotated."""
    headers, body = modern("tools/list")
    answer = httpx.post(
        f"{guarded.url}/mcp", json=body, headers=headers | bearer(token), trust_env=False
    )
    assert answer.status_code == 200
    assert len(answer.json()["result"]["tools"]) >= 5


def test_a_session_belongs_to_the_token_that_opened_it(guarded: Running) -> None:
    """Ours: whoever learns another client's session id can do nothing with it."""
    headers, body = hello()
    with httpx.Client(base_url=guarded.url, headers=headers, trust_env=False) as client:
        opened = client.post("/mcp", json=body, headers=bearer(TOKEN))
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        own = client.post("/mcp", json=ping, headers=bearer(TOKEN) | session)
        other = client.post("/mcp", json=ping, headers=bearer(OTHER_TOKEN) | session)
        ended = client.delete("/mcp", headers=bearer(TOKEN) | session)

    assert [own.status_code, other.status_code, ended.status_code] == [200, 404, 200]


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
def test_a_foreign_host_is_refused(guarded: Running, host: str, status: int) -> None:
    """Promised by the issue: a page that resolves to us (DNS rebinding) sends its own name."""
    headers = [("Host", host), ("Authorization", f"Bearer {TOKEN}")]
    for path in ("/readyz", "/metrics", "/convocore/readyz"):
        assert raw(guarded, "GET", path, headers) == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://app.example", 200), ("http://localhost:3000", 200), ("http://[::1]:1", 200),
        ("https://mcp.example", 200), ("http://app.example", 403), ("https://app.example:8", 403),
        ("https://evil.example", 403), ("null", 403), ("", 403), ("file://", 403),
        ("http://localhost.evil.example", 403), ("https://app.example.evil.example", 403),
        ("https://localhost@evil.example", 403),
    ],
)  # fmt: skip
def test_a_foreign_origin_is_refused(guarded: Running, origin: str, status: int) -> None:
    """Promised by the issue."""
    headers, body = modern("tools/list")
    answer = httpx.post(
        f"{guarded.url}/mcp",
        json=body,
        headers=headers | bearer(TOKEN) | {"Origin": origin},
        trust_env=False,
    )
    assert answer.status_code == status


@pytest.mark.parametrize("prefix", ["", "/convocore"])
def test_behind_a_proxy_the_stream_names_the_path_with_the_prefix(
    guarded: Running, prefix: str
) -> None:
    """Promised by the issue: whether the proxy takes the prefix off or not."""
    with httpx.stream(
        "GET", f"{guarded.url}{prefix}/sse", headers=bearer(TOKEN), trust_env=False
    ) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: endpoint"
        assert next(lines).startswith("data: /convocore/messages?session_id=")


def refused(monkeypatch: pytest.MonkeyPatch, *options: str, **env: str) -> str:
    """What a server says that does not start."""
    for name in os.environ:
        if name.startswith("CONVOCORE_"):
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(f"CONVOCORE_{name}", value)
    done = CliRunner().invoke(app, ["serve", *options])
    assert done.exit_code not in {0, None}
    return done.output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_what_others_can_reach_does_not_start_without_auth(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Promised by the issue: refused with a sentence that says what to set."""
    said = refused(monkeypatch, "--transport", "http", "--host", host)
    assert "CONVOCORE_MCP_TOKENS" in said
    assert "--oauth-issuer" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "env", "named"),
    [
        (["--token", "x"], {}, "--transport"),
        (["--transport", "http", "--token", "two words\n"], {}, "tokens"),
        (["--transport", "http", "--token", ""], {}, "tokens"),
        (["--transport", "sse"], {"MCP_TOKENS": " , "}, "tokens"),
        (["--transport", "http", "--oauth-issuer", "https://i.example"], {}, "AUDIENCE"),
        (["--transport", "http"], {"MCP_ALLOWED_HOSTS": "https://x"}, "allowed_hosts"),
        (["--transport", "http"], {"MCP_ALLOWED_ORIGINS": "x"}, "allowed_origins"),
        (["--transport", "http"], {"MCP_MAX_REQUESTS": "0"}, "max_requests"),
        (["--transport", "http", "--public-url", "mcp.example"], {}, "public_url"),
        (["--transport", "http"], {"REGION": "mars"}, "region"),
        (["--transport", "http", "--host", "no.such.host.invalid"], {}, "token"),
    ],
)  # fmt: skip
def test_a_wrong_setting_stops_the_start_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, options: list[str], env: dict[str, str], named: str
) -> None:
    """Ours: whoever starts a server on a port reads what it says."""
    said = refused(monkeypatch, *options, **env)
    assert named.lower() in said.lower()
    assert "Traceback" not in said
