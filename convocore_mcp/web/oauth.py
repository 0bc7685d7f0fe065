"""OAuth 2.1: tokens that an issuer signed for us (RFC 9068), and how a client finds it (RFC 9728).

The issuer's keys are found through its metadata (RFC 8414, or OpenID Connect's document), which
must name the very issuer that was configured, and kept for five minutes. A key that is not among
them is looked for again, at most every half minute, whoever asks.
"""

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import jwt
from mcp.server.auth.provider import AccessToken
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from convocore_mcp.web.host_policy import is_loopback
from convocore_mcp.web.tokens import Verify

log = logging.getLogger(__name__)

ALGORITHMS = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip
"""Signatures only: with a shared secret or `none` a client could sign for itself."""
SKEW = 10
"""Seconds by which the issuer's clock may be ahead of ours. No token is taken after its end."""
PATIENCE = 5.0
REST = 10.0
"""Seconds: for one request to the issuer, and between attempts when it fails."""
LARGEST = 1_000_000
LONGEST_TOKEN = 16_384


class IssuerError(Exception):
    """The issuer's keys can't be had."""


class Issuer:
    """An issuer's keys. Blocking: hand it to a thread."""

    def __init__(self, issuer: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._configured = issuer
        self._clock = clock
        self._found: tuple[str, jwt.PyJWKClient] | None = None
        self._not_before = 0.0
        self._lock = Lock()

    def key(self, kid: str | None) -> tuple[str, jwt.PyJWK]:
        """The issuer as it names itself, and the key; without `kid` its only one.

        Raises:
            IssuerError: the issuer can't be asked.
            jwt.PyJWTError: it has no such key.
        """
        with self._lock:  # one asks, the others wait for what it hears
            if self._clock() < self._not_before:
                raise IssuerError("it failed a moment ago")
            try:
                name, client = self._found = self._found or self._discover()
                if kid is not None:
                    return name, client.get_signing_key(kid)
                (only,) = client.get_jwk_set().keys
            except (jwt.PyJWKClientConnectionError, IssuerError):
                self._not_before = self._clock() + REST
                raise
            except ValueError:
                raise jwt.InvalidTokenError("no kid, and not one key alone") from None
            return name, only

    def _discover(self) -> tuple[str, jwt.PyJWKClient]:
        parts = urlsplit(self._configured.rstrip("/"))
        host = f"{parts.scheme}://{parts.netloc}"
        for url in (
            f"{host}/.well-known/oauth-authorization-server{parts.path}",
            f"{host}{parts.path}/.well-known/openid-configuration",
        ):
            metadata = _document(url)
            name, keys = metadata.get("issuer"), metadata.get("jwks_uri")
            if not isinstance(name, str) or not isinstance(keys, str):
                continue
            if name.rstrip("/") != self._configured.rstrip("/"):
                raise IssuerError("its metadata names another issuer")
            place = urlsplit(keys)
            if place.scheme != "https" and not is_loopback(place.hostname or ""):
                raise IssuerError("its keys are not behind https")
            return name, jwt.PyJWKClient(keys, lifespan=300, timeout=PATIENCE)
        raise IssuerError("it has no metadata with a jwks_uri")


def _document(url: str) -> dict[str, Any]:
    """A JSON object; empty if there is none at `url`. Redirects are not followed."""
    # Not the HTTP library: PyJWT fetches the keys in this way too, from the same thread.
    opener = urllib.request.build_opener(_Straight)
    try:
        with opener.open(url, timeout=PATIENCE) as response:
            found = json.loads(response.read(LARGEST))
    except urllib.error.HTTPError as error:
        error.close()
        return {}
    except (OSError, HTTPException) as error:
        raise IssuerError(f"it can't be reached ({type(error).__name__})") from None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class _Straight(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Not followed: an issuer is where it was said to be."""


def oauth_tokens(issuer: Issuer, *, audience: str) -> Verify:
    """Takes JWTs that `issuer` signed for `audience` and that are valid now."""
    threads = anyio.CapacityLimiter(4)

    async def verify(token: str) -> AccessToken | None:
        if token.count(".") != 2 or len(token) > LONGEST_TOKEN:
            return None
        return await anyio.to_thread.run_sync(_checked, token, issuer, audience, limiter=threads)

    return verify


def _checked(token: str, issuer: Issuer, audience: str) -> AccessToken | None:
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            return None
        name, key = issuer.key(header.get("kid"))
        claims = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=audience,
            issuer=name,
            leeway=SKEW,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
    except (IssuerError, jwt.PyJWKClientConnectionError) as error:
        why = error.args[0] if isinstance(error, IssuerError) else "its keys can't be fetched"
        log.warning("The OAuth issuer can't be asked for its keys: %s.", why)
        return None
    except (jwt.PyJWTError, ValueError, TypeError):
        return None  # the many ways in which a token can be wrong
    if claims["exp"] <= time.time():
        return None
    client = claims.get("client_id") or claims.get("azp") or claims["sub"]
    return AccessToken(
        token="-",  # noqa: S106  nobody behind the gate needs it
        client_id=str(client),
        scopes=_scopes(claims),
        expires_at=int(claims["exp"]),
        subject=claims["sub"],
        claims={"iss": name},
    )


def _scopes(claims: dict[str, Any]) -> list[str]:
    """`scope` as the RFC has it, or `scp`, a string or a list, as others do."""
    said = claims.get("scope", claims.get("scp", ""))
    return said.split() if isinstance(said, str) else [str(scope) for scope in said or ()]


def resource_metadata(
    resource: str, *, issuer: str, scopes: Sequence[str]
) -> Callable[[Request], Any]:
    """A route's endpoint that tells a client where to get a token for `resource`."""
    body = {
        "resource": resource,
        "resource_name": "Convocore leads",
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
    } | ({"scopes_supported": [*scopes]} if scopes else {})

    async def metadata(_: Request) -> Response:
        return JSONResponse(body, headers={"Cache-Control": "max-age=3600"})

    return metadata
