"""Which certificates are trusted: those of the operating system, or of `SSL_CERT_FILE`.

A company whose proxy reads TLS installs its certificate in the operating system's store, where
browsers find it. The list that comes with `httpx` (`certifi`) does not have it.
"""

import os
import ssl
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import certifi
import truststore

from convocore_mcp.errors import NotConfiguredError

HINT = "Correct it, or unset it: then the certificates of the operating system are trusted."


def tls_context() -> ssl.SSLContext:
    """What a client needs to check certificates.

    Raises:
        NotConfiguredError: `SSL_CERT_FILE` or `SSL_CERT_DIR` names nothing that can be read.
    """
    for problem in wrong_certificates():
        raise NotConfiguredError(f"A setting is wrong: {problem}.", hint=HINT)
    if file := os.environ.get("SSL_CERT_FILE"):
        return _context_of(file, Path(file).stat().st_mtime_ns)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.platform == "linux" and not _openssl_has_certificates():
        # A small container. truststore looks in more places, but can't tell whether it found any.
        context.load_verify_locations(certifi.where())
    return context


def wrong_certificates() -> Iterator[str]:
    """What is wrong with the variables that name trusted certificates."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file:
        try:
            _context_of(file, Path(file).stat().st_mtime_ns)
        except ssl.SSLError:
            yield "SSL_CERT_FILE names a file that holds no certificate (PEM)"
        except OSError as error:
            yield f"SSL_CERT_FILE names a file that can't be read ({error.strerror})"
    elif folder and not Path(folder).is_dir():
        yield "SSL_CERT_DIR names a folder that does not exist"


@cache
def _context_of(file: str, _changed: int, /) -> ssl.SSLContext:
    """What trusts the certificates of a file; reading a company's whole list takes 50 ms."""
    return ssl.create_default_context(cafile=file)


def _openssl_has_certificates() -> bool:
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())))
