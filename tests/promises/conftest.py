"""One server for the tests of a module.

It ends with the module: asynchronous fixtures must end in the reverse of the order in which they
began, and the tests of `tests/truth` have one that lives longer.
"""

from collections.abc import AsyncIterator

import pytest

from tests.promises.conversations import ZONE, sandbox_of
from tests.tool_client import ToolClient, connected


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As for every test, but with the lifetime of the server."""
    return "asyncio"


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[ToolClient]:
    """A client of a server that has read these few conversations."""
    async with connected(sandbox_of(), timezone=ZONE, incremental_sync_seconds=36_000) as found:
        await found.until_complete()
        yield found
