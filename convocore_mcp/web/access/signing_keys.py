"""An issuer's signing keys: fetched once for all who wait, and kept while the issuer fails.

The issuer's metadata (RFC 8414, or OpenID Connect discovery) must name the configured issuer. It
leads to the keys. They are fetched again after five minutes, in the background, and at once for a
key ID that is not known, at most every 30 seconds.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import jwt

from convocore_mcp.web.access.host_policy import is_loopback
from convocore_mcp.web.access.issuer_documents import IssuerError, fetch_json_object

log = logging.getLogger(__name__)

FRESH_SECONDS = 300.0
"""How long keys are used without a look at the issuer."""
KEPT_SECONDS = 86_400.0
"""How long keys are used while the issuer cannot be asked."""
RETRY_SECONDS = 10.0
"""The pause after a failed request to the issuer."""
UNKNOWN_KEY_SECONDS = 30.0
"""The pause between two requests for a key that is not known."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys of an issuer by key ID, and the issuer's name as its metadata spells it."""

    issuer: str
    keys: Mapping[str, jwt.PyJWK]
    without_id: tuple[jwt.PyJWK, ...]
    fetched: float

    def find(self, kid: str | None) -> jwt.PyJWK | None:
        """The key `kid`; without `kid`, the issuer's only key."""
        if kid is not None:
            return self.keys.get(kid)
        every = [*self.keys.values(), *self.without_id]
        return every[0] if len(every) == 1 else None


class Issuer:
    """An issuer and its keys. One request to it is under way at a time; nobody waits in a lock."""

    def __init__(self, issuer: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._configured = issuer
        self._clock = clock
        self._known: SigningKeys | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._retry_at = -math.inf
        self._failure = ""

    async def signing_key(self, kid: str | None) -> tuple[str, jwt.PyJWK] | None:
        """The issuer's own name and the key `kid`, or `None` if it has no such key.

        Raises:
            IssuerError: no keys are known, and the issuer cannot be asked for them.
        """
        known = self._known
        age = math.inf if known is None else self._clock() - known.fetched
        if known is not None and age <= KEPT_SECONDS and (key := known.find(kid)) is not None:
            if age > FRESH_SECONDS:
                self._fetch()
            return known.issuer, key
        if known is None or age > min(UNKNOWN_KEY_SECONDS, KEPT_SECONDS):
            if (fetching := self._fetch()) is not None:
                await asyncio.shield(fetching)
            known = self._known
        if known is None or self._clock() - known.fetched > KEPT_SECONDS:
            raise IssuerError(self._failure or "it failed a moment ago")
        key = known.find(kid)
        return None if key is None else (known.issuer, key)

    def _fetch(self) -> asyncio.Task[None] | None:
        """The request for the keys that is under way; `None` shortly after one has failed."""
        if self._fetching is None or self._fetching.done():
            if self._clock() < self._retry_at:
                return None
            self._fetching = asyncio.create_task(self._fetch_keys())
        return self._fetching

    async def _fetch_keys(self) -> None:
        try:
            self._known = await self._read_keys()
        except IssuerError as error:
            self._failure = str(error)
            self._retry_at = self._clock() + RETRY_SECONDS
            log.warning("The OAuth issuer cannot be asked for its keys: %s.", error)

    async def _read_keys(self) -> SigningKeys:
        name, keys_url = await self._discover()
        found = (await fetch_json_object(keys_url)).get("keys")
        by_id: dict[str, jwt.PyJWK] = {}
        without_id: list[jwt.PyJWK] = []
        for item in found if isinstance(found, list) else ():
            if (key := _read_key(item)) is not None:
                if key.key_id is None:
                    without_id.append(key)
                else:
                    by_id[key.key_id] = key
        if not by_id and not without_id:
            raise IssuerError("it has no keys that can be used")
        return SigningKeys(name, by_id, tuple(without_id), self._clock())

    async def _discover(self) -> tuple[str, str]:
        """The issuer's name as its metadata spells it, and the URL of its keys."""
        parts = urlsplit(self._configured.rstrip("/"))
        host = f"{parts.scheme}://{parts.netloc}"
        for url in (
            f"{host}/.well-known/oauth-authorization-server{parts.path}",
            f"{host}{parts.path}/.well-known/openid-configuration",
        ):
            metadata = await fetch_json_object(url)
            name, keys_url = metadata.get("issuer"), metadata.get("jwks_uri")
            if not isinstance(name, str) or not isinstance(keys_url, str):
                continue
            if name.rstrip("/") != self._configured.rstrip("/"):
                raise IssuerError("its metadata names another issuer")
            if not _is_protected(keys_url):
                raise IssuerError("its keys are not behind https")
            return name, keys_url
        raise IssuerError("it has no metadata with a jwks_uri")


def _is_protected(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def _read_key(item: object) -> jwt.PyJWK | None:
    """A key for signatures; `None` for one of another kind, or of no shape at all."""
    if not isinstance(item, dict) or not all(isinstance(value, str) for value in _texts(item)):
        return None
    if item.get("use", "sig") != "sig":
        return None
    try:
        return jwt.PyJWK(item)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _texts(item: dict[str, object]) -> list[object]:
    """The members that the library takes for texts without a look."""
    names = ("kty", "kid", "alg", "crv", "use", "n", "e", "x", "y", "k")
    return [item[name] for name in names if name in item]
