"""What the environment says of proxies and certificates, and a server that nobody trusts."""

import functools
from contextlib import aclosing
from pathlib import Path

import pytest

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.assembly import utc_now
from convocore_mcp.errors import NotConfiguredError, UntrustedError
from tests.api.tls_server import tls_server

ELSEWHERE = "https://host.invalid/v3"
PASSWORD = "pr0xy-passw0rd"
connect = functools.partial(ConvocoreClient.from_url, key="k", version="test", now=utc_now)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("HTTPS_PROXY", f"ftp://u:{PASSWORD}@proxy.example", "http://proxy.example:8080"),
        ("HTTPS_PROXY", f"http://u:{PASSWORD}@proxy.example:port", "http://proxy.example:8080"),
        ("https_proxy", "http://", "http://proxy.example:8080"),
        ("HTTP_PROXY", "http://[::1", "http://proxy.example:8080"),
        ("ALL_PROXY", "socks5://127.0.0.1:1080", "socksio"),
        ("HTTPS_PROXY", " http://proxy.example", "http://proxy.example:8080"),
        ("all_proxy", "nonsense://x", "http://proxy.example:8080"),
        ("NO_PROXY", "localhost,[::1", "hosts separated by commas"),
        ("SSL_CERT_FILE", "/nonexistent/ca.pem", "can't be read"),
        ("SSL_CERT_FILE", __file__, "no certificate"),
        ("SSL_CERT_DIR", "/nonexistent", "does not exist"),
    ],
)
def test_a_wrong_variable_is_named_and_a_password_in_it_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    """Promised by docs/contract.md, "Configuration"."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(NotConfiguredError) as raised:
        connect(ELSEWHERE)
    assert raised.value.message.startswith(f"A setting is wrong: {variable} ")
    assert message in raised.value.message
    assert PASSWORD not in f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "proxy.example:3128"),
        ("HTTPS_PROXY", f"http://u:{PASSWORD}@proxy.example:3128"),
        ("ALL_PROXY", "http://proxy.example"),
        ("NO_PROXY", "localhost, 127.0.0.1,.example.com,*"),
        ("HTTPS_PROXY", ""),
    ],
)
async def test_a_variable_that_means_something_is_no_error(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Ours: a check that is too strict would keep people from working."""
    monkeypatch.setenv(variable, value)
    await connect(ELSEWHERE).aclose()


async def test_wrong_proxies_do_not_concern_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: a request to a loopback address passes no proxy."""
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://x")
    await connect("http://127.0.0.1:1/v3").aclose()


async def rows_read(url: str) -> int:
    client = connect(url)
    try:
        async with aclosing(client.conversations("a")) as pages:
            return sum([len(page.rows) async for page in pages])
    finally:
        await client.aclose()


async def test_an_untrusted_certificate_is_called_that_and_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/upstream.md, "Errors"; `SSL_CERT_FILE` is what makes it trusted."""
    with tls_server(tmp_path) as (url, certificate):
        results: list[str] = []
        client = connect(url, on_result=results.append)
        with pytest.raises(UntrustedError) as raised:
            async with aclosing(client.conversations("a")) as pages:
                await anext(pages)
        await client.aclose()
        assert "certificate of Convocore's server is not trusted" in raised.value.message
        assert "SSL_CERT_FILE" in raised.value.hint
        assert results == ["unreachable"]

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await rows_read(url) == 0
