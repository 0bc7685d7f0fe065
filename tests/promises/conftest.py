"""One server for all tests of this folder."""

from collections.abc import AsyncIterator

import pytest

from tests.promises.conversations import ZONE, sandbox_of
from tests.tool_client import ToolClient, connected


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """As for every test, but with the lifetime of the server."""
    return "asyncio"


@pytest.fixture(scope="session")
async def client() -> AsyncIterator[ToolClient]:
    """A client of a server that has read these few conversations."""
    async with connected(sandbox_of(), timezone=ZONE, incremental_sync_seconds=36_000) as found:
        await found.until_complete()
        yield found
