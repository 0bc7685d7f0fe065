"""The HTTP library's client, made from the environment: proxies and trusted certificates.

The library reads the environment by itself, and fails in many ways where a variable is wrong. Here
each variable is tried by itself, so that the error names it.
"""

import os
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.util import find_spec

import httpx

from convocore_mcp.errors import ApiError, NotConfiguredError, UnavailableError, UntrustedError
from convocore_mcp.tls import tls_context, wrong_certificates

_PROXIES = ("HTTPS_PROXY", "ALL_PROXY", "HTTP_PROXY")


def http_client(
    base_url: str, *, headers: Mapping[str, str], timeout: httpx.Timeout
) -> httpx.AsyncClient:
    """A client with its own connection pool, which trusts what the environment says.

    Raises:
        NotConfiguredError: a variable for proxies or certificates is wrong; the message names it.
    """
    through_proxies = not _is_loopback(base_url)  # a proxy cannot reach this machine's loopback
    wrong = [*wrong_certificates(), *(_wrong_proxies() if through_proxies else ())]
    if wrong:
        raise NotConfiguredError(
            f"A setting is wrong: {'; '.join(wrong)}.",
            hint="Correct it, or leave it out, and restart the server.",
            in_shell="Correct it, or leave it out, and run the command again.",
        )
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=timeout,
        verify=tls_context(),
        trust_env=through_proxies,
        follow_redirects=False,  # a redirect must never send the key to another host
    )


def connection_error(error: httpx.TransportError | httpx.InvalidURL) -> ApiError:
    """The error that stands for a request which got no response."""
    certificate = _certificate_error(error)
    if certificate is not None:
        return UntrustedError(
            f"The certificate of Convocore's server is not trusted: {certificate.verify_message}.",
            hint="If a proxy or a company's network intercepts TLS, set SSL_CERT_FILE to a file "
            "with its certificate. If not, check CONVOCORE_BASE_URL and this machine's clock.",
        )
    return UnavailableError(
        f"Convocore can't be reached ({type(error).__name__}).",
        hint="Check the network, CONVOCORE_REGION and CONVOCORE_BASE_URL.",
    )


def clock_offset(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """How far the clock of a response's sender is ahead of ours; `None` if it has no `Date`."""
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return date.replace(tzinfo=date.tzinfo or UTC) - now


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """The refused certificate behind an error of the HTTP library."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error


def _wrong_proxies() -> Iterator[str]:
    """What is wrong with the variables that name proxies; a proxy's password is not shown."""
    for name, value in _set_variables(*_PROXIES):
        try:
            url = httpx.Proxy(value if "://" in value else f"http://{value}").url
        except (httpx.InvalidURL, ValueError):
            url = None
        if url is None or not url.host:
            yield f"{name} should be a URL like http://proxy.example:8080"
        elif url.scheme.startswith("socks") and find_spec("socksio") is None:
            yield f"{name} names a SOCKS proxy, which needs: pip install socksio"
    for name, value in _set_variables("NO_PROXY"):
        for host in filter(None, map(str.strip, value.split(","))):
            try:
                httpx.URL(host if "://" in host else f"all://{host}")
            except httpx.InvalidURL:
                yield f"{name} should be hosts separated by commas, like localhost,.example.com"
                break


def _set_variables(*names: str) -> Iterator[tuple[str, str]]:
    """The variables that are set, each as the environment spells it."""
    for name in names:
        for spelling in (name.lower(), name):
            if value := os.environ.get(spelling):
                yield spelling, value
                break


def _is_loopback(url: str) -> bool:
    host = httpx.URL(url).host
    return host in {"localhost", "::1"} or host.startswith("127.")
