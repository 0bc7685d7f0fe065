"""Bearer tokens that were agreed on beforehand, several at a time so that they can be rotated."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable, Sequence

from mcp.server.auth.provider import AccessToken

Verify = Callable[[str], Awaitable[AccessToken | None]]
"""Whose token it is; `None` if it is not valid."""


def static_tokens(tokens: Iterable[str], *, scopes: Sequence[str] = ()) -> Verify:
    """Tells `tokens` from all others, in a time that says nothing of how near a guess was.

    Only digests are kept. Each token is a client of its own, `token-1` and so on, in logs too.
    """
    digests = [hashlib.sha256(token.encode()).digest() for token in tokens]

    async def verify(token: str) -> AccessToken | None:
        given = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found = None
        for number, digest in enumerate(digests, start=1):
            if hmac.compare_digest(digest, given):  # and look at the rest, to take as long
                client = f"token-{number}"
                found = AccessToken(token="-", client_id=client, scopes=[*scopes])  # noqa: S106
        return found

    return verify


def any_of(*verifiers: Verify) -> Verify:
    """The first that knows the token."""

    async def verify(token: str) -> AccessToken | None:
        for one in verifiers:
            if (found := await one(token)) is not None:
                return found
        return None

    return verify
