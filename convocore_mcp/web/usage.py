"""How much is in use of what is bounded: in all, and by each client.

One client may use half of everything, so that there is always something left for the others.
"""

from collections import Counter
from collections.abc import Mapping

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.types import Scope

CLIENT_SHARE_DIVISOR = 2
"""One client may use at most 1/2 of what all clients together may use."""


class Usage:
    """Counts what is in use, by kind. `bounds` maps each kind to how much there is of it."""

    def __init__(self, bounds: Mapping[str, int]) -> None:
        self._bounds = bounds
        self.in_use = Counter(dict.fromkeys(bounds, 0))
        self._of_clients: Counter[tuple[str, str]] = Counter()

    def of_one_client(self, kind: str) -> int:
        """How much of a kind one client may use."""
        return max(1, self._bounds[kind] // CLIENT_SHARE_DIVISOR)

    def is_full(self, kind: str, more: int = 1) -> bool:
        """Whether `more` would exceed what all clients together may use."""
        return self.in_use[kind] + more > self._bounds[kind]

    def is_share_used(self, kind: str, client: str, more: int = 1) -> bool:
        """Whether `client` would use more than one client may; `""` (no client) is unbounded."""
        used = self._of_clients[kind, client]
        return client != "" and used + more > self.of_one_client(kind)

    def take(self, kind: str, client: str, amount: int = 1) -> None:
        """Note that `client` uses `amount` more."""
        self.in_use[kind] += amount
        self._of_clients[kind, client] += amount

    def release(self, kind: str, client: str, amount: int = 1) -> None:
        """Note that `client` uses `amount` less."""
        self.in_use[kind] -= amount
        self._of_clients[kind, client] -= amount
        if not self._of_clients[kind, client]:
            del self._of_clients[kind, client]


def client_of(scope: Scope) -> str:
    """Whose request it is: the token's client and subject; empty where no token is needed."""
    user = scope.get("user")
    if not isinstance(user, AuthenticatedUser):
        return ""
    access = user.access_token
    return f"{access.client_id} {access.subject or ''}"
