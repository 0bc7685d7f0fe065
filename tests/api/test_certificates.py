"""Whose certificates are trusted, with a real TLS server."""

import datetime as dt
import ipaddress
import os
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from convocore_mcp.api.client import ConvocoreClient, Limits
from convocore_mcp.errors import NotConfiguredError, UntrustedError
from convocore_mcp.tls import tls_context
from tests.api.api_client import throttle_without_delay, utc_now

NOWHERE = ssl.DefaultVerifyPaths("", "", "SSL_CERT_FILE", "", "SSL_CERT_DIR", "")


class EmptyList(BaseHTTPRequestHandler):
    """Answers every request as Convocore does for an agent without conversations."""

    def do_GET(self) -> None:
        body = b'{"success": true, "data": []}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody trusts, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A company")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path_factory.mktemp("tls") / "company.pem"
    file.write_bytes(made.public_bytes(pem) + secret)
    return file


@pytest.fixture(scope="module")
def server(certificate: Path) -> Iterator[str]:
    """The address of a TLS server that shows the certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyList) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{http.server_port}/v3"
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)


async def read(url: str) -> int:
    """How many conversations the server lists."""
    client = ConvocoreClient.from_url(
        url,
        "key",
        version="0",
        now=utc_now,
        limits=Limits(attempts=1),
        throttle=throttle_without_delay(),
    )
    try:
        return sum([len(page.rows) async for page in client.conversations("shop")])
    finally:
        await client.aclose()


async def test_a_certificate_of_nobody_is_refused(server: str) -> None:
    """Promised by docs/operations.md, "Certificates"."""
    with pytest.raises(UntrustedError):
        await read(server)


async def test_a_certificate_of_the_operating_system_is_trusted(
    server: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/operations.md, "Certificates". Here the system's file is the company's."""
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: NOWHERE)
    monkeypatch.setattr("truststore._openssl._CA_FILE_CANDIDATES", [str(certificate)])

    assert await read(server) == 0


async def test_a_certificate_that_ssl_cert_file_names_is_trusted(
    server: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/operations.md, "Certificates"."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert await read(server) == 0


async def test_a_container_without_certificates_trusts_those_that_come_with_the_package(
    server: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/operations.md, "Certificates". Here the company's came with it."""
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: NOWHERE)
    monkeypatch.setattr("truststore._openssl._CA_FILE_CANDIDATES", [])
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))

    assert await read(server) == 0


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_certificates_that_cannot_be_read_is_a_wrong_setting(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/contract.md, "Configuration"."""
    file = tmp_path / "roots.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", os.fspath(file))

    with pytest.raises(NotConfiguredError, match="SSL_CERT_FILE"):
        tls_context()
