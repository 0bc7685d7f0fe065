"""Static bearer tokens; several may be valid at a time, so that they can be rotated."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable, Sequence

from mcp.server.auth.provider import AccessToken

TokenVerifier = Callable[[str], Awaitable[AccessToken | None]]
"""Returns the access that a token gives; `None` for an invalid token."""


def static_tokens(tokens: Iterable[str], *, scopes: Sequence[str] = ()) -> TokenVerifier:
    """Accepts `tokens`, in a time that does not reveal how close a guess came.

    Keeps only digests. Each token is a client of its own: `token-1` and so on, in logs too.
    """
    digests = [hashlib.sha256(token.encode()).digest() for token in tokens]

    async def verify(token: str) -> AccessToken | None:
        candidate = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        access = None
        for number, digest in enumerate(digests, start=1):
            if hmac.compare_digest(digest, candidate):  # no early exit: the time stays the same
                client_id = f"token-{number}"
                access = AccessToken(token="-", client_id=client_id, scopes=[*scopes])  # noqa: S106
        return access

    return verify


def any_of(*verifiers: TokenVerifier) -> TokenVerifier:
    """Accepts a token that any of `verifiers` accepts; the first that does decides."""

    async def verify(token: str) -> AccessToken | None:
        for verifier in verifiers:
            if (access := await verifier(token)) is not None:
                return access
        return None

    return verify
