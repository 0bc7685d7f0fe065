"""Whether Convocore accepts a key: asked before the mirror of another key is set aside."""

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from importlib.metadata import version

import anyio

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.configuration import require_key
from convocore_mcp.errors import ApiError, NotConfiguredError, UnavailableError
from convocore_mcp.settings import Settings

KEY_CHECK_SECONDS = 3.0
"""Time for checking a key: a call answers within four seconds."""


async def check_key(settings: Settings, *, now: Callable[[], datetime]) -> None:
    """Ask Convocore for one page of any agent.

    Raises:
        NotConfiguredError: no agent is configured.
        ApiError: it gives none: the key is refused, no agent is found, or it can't be reached.
    """
    error: ApiError | None = None
    client = ConvocoreClient.from_url(
        settings.server, require_key(settings), version=version("convocore-mcp"), now=now
    )
    try:
        with anyio.fail_after(KEY_CHECK_SECONDS):
            for agent_id in settings.agent_id:
                try:
                    async with aclosing(client.conversations(agent_id)) as pages:
                        await anext(pages, None)
                except ApiError as caught:
                    error = error or caught
                else:
                    return
    except TimeoutError:
        error = UnavailableError(
            "Convocore has not answered yet, so it is not certain that the key is right.",
            hint="CONVOCORE_STORE names the mirror of another key, which stays as it is. "
            "Ask again in a few seconds.",
            retry_after=5,
        )
    finally:
        await client.aclose()
    raise error or NotConfiguredError(
        "No agent is configured.", hint="Set CONVOCORE_AGENT_ID to your agent's ID."
    )
