"""A process that runs one full sync of the sandbox's list into a file. A test may kill it.

Usage: python -m tests.sync.sync_process BASE_URL KEY AGENT FILE
"""

import sys
from pathlib import Path

import anyio

from convocore_mcp.api.client import ConvocoreClient
from tests.api.api_client import utc_now
from tests.sync.sync_harness import DirectSyncs, open_mirror, run_in_thread


async def main(base_url: str, key: str, agent_id: str, file: str) -> None:
    client = ConvocoreClient.from_url(base_url, key, version="test", now=utc_now)
    await DirectSyncs(client, open_mirror(Path(file)), agent_id, run_in_thread).full_sync()


if __name__ == "__main__":
    base_url, key, agent_id, file = sys.argv[1:]
    anyio.run(main, base_url, key, agent_id, file)
