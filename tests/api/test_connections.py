"""What the environment says of proxies and certificates, and a server that nobody trusts."""

import datetime
import functools
import ssl
import threading
from collections.abc import Iterator
from contextlib import aclosing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.assembly import utc_now
from convocore_mcp.errors import NotConfiguredError, UntrustedError

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
    ("variable", "value", "said"),
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
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    """Promised by docs/contract.md, "Configuration"."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(NotConfiguredError) as raised:
        connect(ELSEWHERE)
    assert raised.value.message.startswith(f"A setting is wrong: {variable} ")
    assert said in raised.value.message
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


class _EmptyList(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"success": true, "data": [], "hasMore": false}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that refuses the certificate breaks the connection off, which is the test."""


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that nobody but itself has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A real TLS server on this machine: its URL, and its certificate."""
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with _Server(("127.0.0.1", 0), _EmptyList) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}/v3", certificate
        server.shutdown()
        thread.join()


async def rows_read(url: str) -> int:
    client = connect(url)
    try:
        async with aclosing(client.conversations("a")) as pages:
            return sum([len(page.rows) async for page in pages])
    finally:
        await client.aclose()


async def test_an_untrusted_certificate_is_called_that_and_tried_once(
    tls_server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/upstream.md, "Errors"; `SSL_CERT_FILE` is what makes it trusted."""
    url, certificate = tls_server
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
