"""OAuth 2.1: verifies an issuer's JWTs (RFC 9068) and tells clients who the issuer is (RFC 9728).

The issuer's metadata (RFC 8414, or OpenID Connect discovery) must name the configured issuer. It
leads to the signing keys, which are cached for five minutes. An unknown key ID causes a new
request for the keys, at most one every 30 seconds.
"""

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http.client import HTTPException
from threading import Lock
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import jwt
from mcp.server.auth.provider import AccessToken
from starlette.requests import Request
from starlette.responses import Response

from convocore_mcp.web.access.host_policy import is_loopback
from convocore_mcp.web.access.tokens import TokenVerifier
from convocore_mcp.web.sanitized_responses import json_response

log = logging.getLogger(__name__)

ALGORITHMS = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip
"""Public-key signatures only: with a shared secret or `none`, a client could forge its token."""
CLOCK_SKEW_SECONDS = 10
"""How far the issuer's clock may be ahead of ours. An expired token is always refused."""
TIMEOUT_SECONDS = 5.0
"""For one request to the issuer."""
RETRY_SECONDS = 10.0
"""The pause after a failed request to the issuer."""
MAX_DOCUMENT_BYTES = 1_000_000
MAX_TOKEN_CHARACTERS = 16_384


class IssuerError(Exception):
    """The issuer's signing keys are not available."""


class Issuer:
    """An issuer's signing keys. Blocking: call it in a worker thread."""

    def __init__(self, issuer: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._configured = issuer
        self._clock = clock
        self._discovered: tuple[str, jwt.PyJWKClient] | None = None
        self._retry_at = 0.0
        self._lock = Lock()

    def signing_key(self, kid: str | None) -> tuple[str, jwt.PyJWK]:
        """The issuer's own name and the key `kid`; without `kid`, the issuer's only key.

        Raises:
            IssuerError: the issuer cannot be reached, or failed less than 10 seconds ago.
            jwt.PyJWTError: the issuer has no such key.
        """
        with self._lock:  # one thread asks the issuer, the others wait for its answer
            if self._clock() < self._retry_at:
                raise IssuerError("it failed a moment ago")
            try:
                name, client = self._discovered = self._discovered or self._discover()
                if kid is not None:
                    return name, client.get_signing_key(kid)
                (only_key,) = client.get_jwk_set().keys
            except (jwt.PyJWKClientConnectionError, IssuerError):
                self._retry_at = self._clock() + RETRY_SECONDS
                raise
            except ValueError:
                raise jwt.InvalidTokenError("no kid, and the issuer has several keys") from None
            return name, only_key

    def _discover(self) -> tuple[str, jwt.PyJWKClient]:
        """The issuer's name as its metadata spells it, and the client for its keys."""
        parts = urlsplit(self._configured.rstrip("/"))
        host = f"{parts.scheme}://{parts.netloc}"
        for url in (
            f"{host}/.well-known/oauth-authorization-server{parts.path}",
            f"{host}{parts.path}/.well-known/openid-configuration",
        ):
            metadata = _fetch_json_object(url)
            name, keys_url = metadata.get("issuer"), metadata.get("jwks_uri")
            if not isinstance(name, str) or not isinstance(keys_url, str):
                continue
            if name.rstrip("/") != self._configured.rstrip("/"):
                raise IssuerError("its metadata names another issuer")
            keys_at = urlsplit(keys_url)
            if keys_at.scheme != "https" and not is_loopback(keys_at.hostname or ""):
                raise IssuerError("its keys are not behind https")
            return name, jwt.PyJWKClient(keys_url, lifespan=300, timeout=TIMEOUT_SECONDS)
        raise IssuerError("it has no metadata with a jwks_uri")


def _fetch_json_object(url: str) -> Mapping[str, object]:
    """The JSON object at `url`, or an empty one if there is none. Redirects are not followed."""
    # urllib, not httpx: PyJWT fetches the keys with urllib too, in the same thread.
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(url, timeout=TIMEOUT_SECONDS) as response:
            document = json.loads(response.read(MAX_DOCUMENT_BYTES))
    except urllib.error.HTTPError as error:
        error.close()
        return {}
    except (OSError, HTTPException) as error:
        raise IssuerError(f"it cannot be reached ({type(error).__name__})") from None
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow no redirect: the configured URL decides whose keys are trusted."""


def oauth_tokens(issuer: Issuer, *, audience: str) -> TokenVerifier:
    """Accepts JWTs that `issuer` signed for `audience` and that are valid now."""
    threads = anyio.CapacityLimiter(4)

    async def verify(token: str) -> AccessToken | None:
        if token.count(".") != 2 or len(token) > MAX_TOKEN_CHARACTERS:
            return None
        return await anyio.to_thread.run_sync(_verify_jwt, token, issuer, audience, limiter=threads)

    return verify


def _verify_jwt(token: str, issuer: Issuer, audience: str) -> AccessToken | None:
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            return None
        name, key = issuer.signing_key(header.get("kid"))
        claims = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=audience,
            issuer=name,
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
    except (IssuerError, jwt.PyJWKClientConnectionError) as error:
        reason = error.args[0] if isinstance(error, IssuerError) else "its keys cannot be fetched"
        log.warning("The OAuth issuer cannot be asked for its keys: %s.", reason)
        return None
    except (jwt.PyJWTError, ValueError, TypeError):
        return None  # an invalid token can fail in each of these ways
    if claims["exp"] <= time.time():  # the leeway is for `nbf` and `iat` only
        return None
    client_id = claims.get("client_id") or claims.get("azp") or claims["sub"]
    return AccessToken(
        token="-",  # noqa: S106  nothing after the authentication needs the token
        client_id=str(client_id),
        scopes=_scopes(claims),
        expires_at=int(claims["exp"]),
        subject=claims["sub"],
        claims={"iss": name},
    )


def _scopes(claims: Mapping[str, object]) -> list[str]:
    """The `scope` claim (RFC 9068), or `scp`, a string or a list, which some issuers use."""
    scopes = claims.get("scope", claims.get("scp", ""))
    if isinstance(scopes, str):
        return scopes.split()
    return [str(scope) for scope in scopes] if isinstance(scopes, list) else []


def resource_metadata(
    resource: str, *, issuer: str, scopes: Sequence[str]
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that tells a client where to get a token for `resource` (RFC 9728)."""
    body = {
        "resource": resource,
        "resource_name": "Convocore leads",
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
    } | ({"scopes_supported": [*scopes]} if scopes else {})

    async def metadata(_: Request) -> Response:
        return json_response(body, headers={"Cache-Control": "max-age=3600"})

    return metadata
