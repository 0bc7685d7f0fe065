"""`/board`: the page in a browser, and the links that open it without a token being typed.

The page holds no data, so it is served without a token. It asks `/mcp` for everything, with a token
that its reader enters, or that it gets for a link of `convocore-mcp board`. Such a link works once:
other users of the machine may see it, in the browser's command line or history.
"""

import secrets
from collections.abc import Callable

from mcp.server.auth.provider import AccessToken
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from convocore_mcp.board.board_file import content_security_policy, read_board
from convocore_mcp.web.sanitized_responses import json_response, page_response

BOARD_PATH = "/board"
SESSION_PATH = "/board/session"
_HEADERS = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), clipboard-write=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class BoardLinks:
    """Links to the board that work once. Each gives a token for as long as the server runs."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        """`announce` gets the first link, and a new one whenever the last one was used."""
        self._announce = announce
        self._url = ""
        self._secret = ""
        self._tokens: list[bytes] = []

    def issue(self, url: str) -> None:
        """Announce a link to the server at `url`."""
        self._url, self._secret = url, secrets.token_urlsafe(32)
        self._announce(f"{url}{BOARD_PATH}#{self._secret}")

    async def redeem(self, request: Request) -> Response:
        """The endpoint that gives a token for the secret in a link; a wrong one uses nothing up."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not self._secret or not secrets.compare_digest(given.encode(), self._secret.encode()):
            return json_response({"error": "invalid_token"}, 401)
        token = secrets.token_urlsafe(32)
        self._tokens.append(token.encode())
        self.issue(self._url)
        return json_response({"token": token}, headers={"Cache-Control": "no-store"})

    async def verify(self, token: str) -> AccessToken | None:
        """Accept a token that a link gave (`web.access.tokens.TokenVerifier`)."""
        given = token.encode("utf-8", "surrogatepass")
        known = [secrets.compare_digest(given, one) for one in self._tokens]
        return AccessToken(token="-", client_id="board", scopes=[]) if any(known) else None  # noqa: S106


async def board_page(_: Request) -> Response:
    """The page."""
    policy = {"Content-Security-Policy": content_security_policy()}
    return page_response(read_board(), _HEADERS | policy)


def board_routes(links: BoardLinks | None) -> list[Route]:
    """The routes that need no token."""
    routes = [Route(BOARD_PATH, board_page, methods=["GET"])]
    if links is not None:
        routes.append(Route(SESSION_PATH, links.redeem, methods=["POST"]))
    return routes
