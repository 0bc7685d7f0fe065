"""Health checks: whether the process is alive, and whether it can answer questions."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.web.sanitized_responses import json_response


async def healthz(_: Request) -> Response:
    """Liveness: the process answers."""
    return json_response({"status": "ok"})


def readyz(app: App) -> Callable[[Request], Awaitable[Response]]:
    """Readiness: 200 if the settings are valid and the mirror is readable, else 503.

    The check sends no request to Convocore.
    """

    async def ready(_: Request) -> Response:
        try:
            backend = await app.backend()
            with backend.in_time():
                for agent in backend.agents:
                    await backend.read(backend.coverage, agent)
        except ConvocoreError as error:
            body = {"status": "not ready", "code": error.code, "message": error.message}
            return json_response(body | ({"hint": error.hint} if error.hint else {}), 503)
        return json_response({"status": "ready"})

    return ready
