"""One server per dialect for all of these tests: filling a mirror takes longer than asking it."""

from collections.abc import AsyncIterator

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import ToolClient, connected
from tests.truth.oracle import Row

FOREVER = 36_000
"""Seconds for which nothing is read again: nothing changes."""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """As for every test, but for as long as the servers live."""
    return "asyncio"


@pytest.fixture(scope="session", params=["cursor", "page"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """What both sides look at; tests leave it as it is."""
    return Sandbox(size=2000, dialect=request.param)


@pytest.fixture(scope="session")
def rows(sandbox: Sandbox) -> list[Row]:
    """The raw truth."""
    return list(sandbox.rows())


@pytest.fixture(scope="session")
async def tool_client(sandbox: Sandbox) -> AsyncIterator[ToolClient]:
    """A client of a server that has read it all."""
    async with connected(sandbox, incremental_sync_seconds=FOREVER) as found:
        await found.ask("list_conversations", limit=1)
        yield found
