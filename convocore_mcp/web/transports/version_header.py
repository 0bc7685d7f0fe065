"""Shortens a version of the protocol that is none: the SDK would repeat it in its refusal."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

VERSION = "mcp-protocol-version"
MAX_VERSION_CHARACTERS = 40


class VersionHeader:
    """ASGI application around `app`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope = {**scope, "headers": [*scope["headers"]]}
        headers = MutableHeaders(scope=scope)
        if VERSION in headers:
            headers[VERSION] = headers[VERSION][:MAX_VERSION_CHARACTERS]
        await self._app(scope, receive, send)
