"""A process that runs one full sync of the sandbox's list into a file. A test may kill it."""

from pathlib import Path

import anyio

from convocore_mcp.api.client import ConvocoreClient
from tests.api.api_client import utc_now
from tests.sync.sync_harness import DirectSyncs, open_mirror, run_in_thread


def run(base_url: str, key: str, agent_id: str, file: Path) -> None:
    """Run the sync, and return at its end."""
    anyio.run(_full_sync, base_url, key, agent_id, file)


async def _full_sync(base_url: str, key: str, agent_id: str, file: Path) -> None:
    client = ConvocoreClient.from_url(base_url, key, version="test", now=utc_now)
    await DirectSyncs(client, open_mirror(file), agent_id, run_in_thread).full_sync()
