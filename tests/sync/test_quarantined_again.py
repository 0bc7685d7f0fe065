"""A row that could not be read, until it can be read, or is gone."""

from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.details.details_harness import FULL_ROW, full_rows, notes
from tests.tool_client import ToolClient, connected

NOW = int(FULL_ROW["ts"])  # type: ignore[call-overload]
UNREADABLE: dict[str, Any] = FULL_ROW | {"ID": None, "ts": NOW + 60}
NEXT: dict[str, Any] = UNREADABLE | {"ts": NOW + 120, "messagesNum": 4}
READABLE: dict[str, Any] = NEXT | {"ID": "c-new"}


async def sync(client: ToolClient) -> str:
    """Read the front of the list; returns the notes of an answer."""
    backend = await client.app.backend()
    (agent,) = backend.agents
    await backend.syncs.sync(agent, full=False)
    answer = await client.ask("list_conversations")
    assert answer["freshness"]["complete"] == ("could not be read" not in notes(answer))
    return notes(answer)


@pytest.mark.parametrize("count", [3, 300], ids=["a short list", "a long list"])
async def test_an_incremental_sync_forgets_an_unreadable_row_that_is_gone(count: int) -> None:
    """Ours: no answer is incomplete for six hours because of a row that has long been mended.

    Holds docs/contract.md #note-quarantined.
    """
    rows = full_rows(count)
    sandbox = Sandbox(size=0)
    sandbox.replace(list(rows))
    async with connected(sandbox, incremental_sync_seconds=36_000) as client:
        await client.until_complete()
        sandbox.replace([UNREADABLE, *rows])
        for _ in range(2):
            assert "1 record could not be read" in await sync(client)
        sandbox.replace([NEXT, *rows])
        assert "1 record could not be read" in await sync(client)  # the same, with a new message
        sandbox.replace([READABLE, *rows])
        assert await sync(client) == ""
        sandbox.replace([UNREADABLE, READABLE, *rows])
        assert "1 record could not be read" in await sync(client)
        sandbox.replace([READABLE, *rows])
        assert await sync(client) == ""


async def test_an_unreadable_row_that_the_front_does_not_reach_stays_until_a_full_sync() -> None:
    """Ours: reading the front says nothing of what stands behind it, or anywhere.

    Holds docs/contract.md #note-quarantined.
    """
    rows = full_rows(300)
    behind = UNREADABLE | {"ts": NOW - 250 * 60}
    undated = {name: value for name, value in UNREADABLE.items() if "ts" not in name.lower()}
    sandbox = Sandbox(size=0)
    sandbox.replace([*rows[:251], behind, undated, *rows[251:]])
    async with connected(sandbox, incremental_sync_seconds=36_000) as client:
        await client.until_read()
        assert "2 records could not be read" in await sync(client)
        sandbox.replace(list(rows))
        assert "2 records could not be read" in await sync(client)
        backend = await client.app.backend()
        await backend.syncs.sync(backend.agents[0], full=True)
        assert await sync(client) == ""
