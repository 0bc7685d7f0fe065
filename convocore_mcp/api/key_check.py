"""Asks Convocore whether it accepts a key, before the mirror of another key is set aside."""

from collections.abc import Sequence
from contextlib import aclosing

import anyio

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.errors import ApiError, UnavailableError, no_agent

KEY_CHECK_SECONDS = 3.0
"""Seconds for checking a key: a call has to answer within four seconds."""


async def check_key(client: ConvocoreClient, agent_ids: Sequence[str]) -> None:
    """Ask for one page of any of these agents; closes `client`.

    Raises:
        NotConfiguredError: there are no agents.
        ApiError: no page could be read: the key is refused, no agent exists, or Convocore can't
            be reached.
    """
    error: ApiError | None = None
    try:
        with anyio.fail_after(KEY_CHECK_SECONDS):
            for agent_id in agent_ids:
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
    raise error or no_agent()
