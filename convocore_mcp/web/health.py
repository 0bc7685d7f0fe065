"""Whether the server lives, and whether it can answer."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.backend import App


async def healthz(_: Request) -> Response:
    """The process is alive and answers."""
    return JSONResponse({"status": "ok"})


def readyz(app: App) -> Callable[[Request], Any]:
    """200 when the settings are right and the mirror can be read; never asks Convocore."""

    async def ready(_: Request) -> Response:
        try:
            backend = await app.backend()
            for agent in backend.agents:
                await backend.read(backend.coverage, agent)
        except ConvocoreError as error:
            said = {"status": "not ready", "code": error.code, "message": error.message}
            return JSONResponse(said | ({"hint": error.hint} if error.hint else {}), 503)
        return JSONResponse({"status": "ready"})

    return ready
