"""OAuth 2.1: verifies an issuer's JWTs (RFC 9068) and tells clients who the issuer is (RFC 9728).

Whatever a token says, it is accepted or refused: a claim of a wrong type makes it invalid.
"""

import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import jwt
from mcp.server.auth.provider import AccessToken
from starlette.requests import Request
from starlette.responses import Response

from convocore_mcp.web.access.issuer_documents import IssuerError
from convocore_mcp.web.access.signing_keys import Issuer
from convocore_mcp.web.access.tokens import TokenVerifier
from convocore_mcp.web.sanitized_responses import settings_response

log = logging.getLogger(__name__)

ALGORITHMS = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip
"""Public-key signatures only: with a shared secret or `none`, a client could forge its token."""
CLOCK_SKEW_SECONDS = 10
"""How far the issuer's clock may be ahead of ours. An expired token is always refused."""
MAX_TOKEN_CHARACTERS = 16_384
_INVALID = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
"""An invalid token can fail in each of these ways."""


def oauth_tokens(issuer: Issuer, *, audience: str) -> TokenVerifier:
    """Accepts JWTs that `issuer` signed for `audience` and that are valid now."""

    async def verify(token: str) -> AccessToken | None:
        if token.count(".") != 2 or len(token) > MAX_TOKEN_CHARACTERS:
            return None
        try:
            header = jwt.get_unverified_header(token)
        except _INVALID:
            return None
        kid = header.get("kid")
        if header.get("alg") not in ALGORITHMS or not isinstance(kid, str | None):
            return None
        try:
            found = await issuer.signing_key(kid)
        except IssuerError:
            return None  # it was logged when the issuer failed
        if found is None:
            return None
        return _access(_decode(token, *found, audience=audience))

    return verify


def _decode(
    token: str, issuer: str, key: jwt.PyJWK, *, audience: str
) -> Mapping[str, object] | None:
    try:
        return jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=audience,
            issuer=issuer,
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
    except _INVALID:
        return None


def _access(claims: Mapping[str, object] | None) -> AccessToken | None:
    """The access that verified claims give; `None` if one of them is of a wrong type."""
    if claims is None:
        return None
    expires, subject, scopes = claims["exp"], claims["sub"], _scopes(claims)
    client_id = claims.get("client_id") or claims.get("azp") or subject
    if not isinstance(expires, int | float) or isinstance(expires, bool):
        return None
    # The leeway is for `nbf` and `iat` only.
    if not math.isfinite(expires) or expires <= time.time() or scopes is None:
        return None
    if not isinstance(client_id, str) or not isinstance(subject, str):
        return None
    return AccessToken(
        token="-",  # noqa: S106  the token itself is kept nowhere
        client_id=client_id,
        scopes=scopes,
        expires_at=int(expires),
        subject=subject,
        claims={"iss": claims["iss"]},
    )


def _scopes(claims: Mapping[str, object]) -> list[str] | None:
    """The `scope` claim (RFC 9068), or `scp`, a string or a list, which some issuers use."""
    scopes = claims.get("scope", claims.get("scp", ""))
    if isinstance(scopes, str):
        return scopes.split()
    if isinstance(scopes, list) and all(isinstance(scope, str) for scope in scopes):
        return scopes
    return None


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
        return settings_response(body, {"Cache-Control": "max-age=3600"})

    return metadata
