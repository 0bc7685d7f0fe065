"""Whose certificates are trusted, with a real TLS server."""

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from convocore_mcp.api.client import ConvocoreClient, Limits
from convocore_mcp.errors import NotConfiguredError, UntrustedError
from convocore_mcp.tls import tls_context
from tests.api.api_client import throttle_without_delay, utc_now
from tests.api.tls_server import tls_server

NOWHERE = ssl.DefaultVerifyPaths("", "", "SSL_CERT_FILE", "", "SSL_CERT_DIR", "")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with tls_server(tmp_path_factory.mktemp("tls")) as served:
        yield served


@pytest.fixture
def server(tls: tuple[str, Path]) -> str:
    """The address of a TLS server that shows the certificate."""
    return tls[0]


@pytest.fixture
def certificate(tls: tuple[str, Path]) -> Path:
    """Its certificate, which nobody trusts, and its key, in one file."""
    return tls[1]


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
