"""A process that reads the sandbox's list into a file, once, and can be killed meanwhile.

Usage: python -m tests.sync.sync_process BASE_URL KEY AGENT FILE
"""

import sys
from pathlib import Path

import anyio

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.leads.affected import merge_affected
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules
from convocore_mcp.sync.list_reader import Bounds, Reader
from convocore_mcp.sync.progress import Progress
from tests.api.api_client import utc_now
from tests.sync.sync_harness import run_in_thread


async def main(base_url: str, key: str, agent: str, file: str) -> None:
    mirror = MirrorWriter(
        open_database(Path(file), owner="test"),
        Rules(keys=derive_keys, merge_affected=merge_affected),
    )
    client = ConvocoreClient.over(base_url, key, version="test", now=utc_now)
    reader = Reader(client, mirror, now=utc_now, run_in_thread=run_in_thread, bounds=Bounds())
    await reader.full_sync(agent, Progress())


if __name__ == "__main__":
    base_url, key, agent, file = sys.argv[1:]
    anyio.run(main, base_url, key, agent, file)
