"""Which certificates are trusted: those of the operating system, or of `SSL_CERT_FILE`.

A company whose proxy reads TLS installs its certificate in the operating system's store, where
browsers find it. The list that comes with `httpx` (`certifi`) does not have it.
"""

import os
import ssl
import sys
from pathlib import Path

import certifi
import truststore

from convocore_mcp.errors import NotConfiguredError


def tls_context() -> ssl.SSLContext:
    """What a client needs to check certificates.

    Raises:
        NotConfiguredError: `SSL_CERT_FILE` or `SSL_CERT_DIR` names nothing that can be read.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file:
        return _from_named("SSL_CERT_FILE", file)
    if folder:
        return _from_named("SSL_CERT_DIR", folder)
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.platform == "linux" and not _openssl_has_certificates():
        # A small container. truststore looks in more places, but can't tell whether it found any.
        context.load_verify_locations(certifi.where())
    return context


def _from_named(variable: str, path: str) -> ssl.SSLContext:
    try:
        if Path(path).is_dir():
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # `ssl.SSLError` is one
        reason = "holds no certificates" if isinstance(error, ssl.SSLError) else error.strerror
        raise NotConfiguredError(
            f"{variable} can't be used ({reason}).",
            hint=f"Name a file of certificates in PEM format, or unset {variable}: then those of "
            "the operating system are trusted.",
        ) from None


def _openssl_has_certificates() -> bool:
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())))
