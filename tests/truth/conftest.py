"""One server per dialect for all of these tests: filling a mirror takes longer than asking it."""

from collections.abc import AsyncIterator

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import ToolClient, connected
from tests.truth.oracle import Row

NO_SYNC_SECONDS = 36_000
"""Seconds until the list is read again: never in these tests, because nothing changes."""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """As for every test, but with the lifetime of the servers."""
    return "asyncio"


@pytest.fixture(scope="session", params=["cursor", "page"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """The data that the server and the oracle read; no test changes it."""
    return Sandbox(size=1000, dialect=request.param)


in_live_dialect = pytest.mark.parametrize("sandbox", ["cursor"], indirect=True)
"""For what depends on the mirror alone. That both dialects fill it right is tested by those that
read each field of each row and lead, and by tests/sync/test_full_sync.py."""


@pytest.fixture(scope="session")
def rows(sandbox: Sandbox) -> list[Row]:
    """The raw rows, from which expected answers are computed."""
    return list(sandbox.rows())


@pytest.fixture(scope="session")
async def tool_client(sandbox: Sandbox) -> AsyncIterator[ToolClient]:
    """A client of a server that has read the whole list."""
    async with connected(sandbox, incremental_sync_seconds=NO_SYNC_SECONDS) as tool_client:
        await tool_client.until_complete()
        yield tool_client
