"""Asks an OAuth issuer for its JSON documents, within bounds of bytes and time."""

import asyncio
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from convocore_mcp.tls import tls_context
from convocore_mcp.web.access.host_policy import is_loopback

TIMEOUT_SECONDS = 5.0
"""For one document, from connecting to its last byte."""
MAX_BYTES = 512 * 1024


class IssuerError(Exception):
    """The issuer's signing keys are not available."""


async def fetch_json_object(url: str) -> Mapping[str, object]:
    """The JSON object at `url`, or an empty one if there is none.

    Redirects are not followed: the configured URL decides whose keys are trusted.

    Raises:
        IssuerError: the issuer cannot be reached, takes too long or sends too much.
    """
    trust_env = not is_loopback(urlsplit(url).hostname or "")  # a proxy cannot reach it
    try:
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            httpx.AsyncClient(
                verify=tls_context(), trust_env=trust_env, timeout=TIMEOUT_SECONDS
            ) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response,
        ):
            if response.status_code >= 500:
                raise IssuerError(f"it answers {response.status_code}")
            if response.status_code != 200:
                return {}
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > MAX_BYTES:
                    raise IssuerError(f"it sends more than {MAX_BYTES} bytes")
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise IssuerError(f"it cannot be reached ({type(error).__name__})") from None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
