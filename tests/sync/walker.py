"""A process that reads the sandbox's list into a file, once, and can be killed meanwhile.

Usage: python -m tests.sync.walker BASE_URL KEY AGENT FILE
"""

import sys
from pathlib import Path

import anyio

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.leads.keys import keys
from convocore_mcp.leads.merge import merge
from convocore_mcp.store.engine import open_database
from convocore_mcp.store.mirror import Mirror, Rules
from convocore_mcp.sync.progress import Progress
from convocore_mcp.sync.reading import Bounds, Reader
from tests.api.calling import utc_now
from tests.sync.keeping import in_thread


async def main(base_url: str, key: str, agent: str, file: str) -> None:
    mirror = Mirror(open_database(Path(file), owner="test"), Rules(keys=keys, merge=merge))
    client = ConvocoreClient.over(base_url, key, version="test", now=utc_now)
    reader = Reader(client, mirror, now=utc_now, in_thread=in_thread, bounds=Bounds())
    await reader.walk(agent, Progress())


if __name__ == "__main__":
    base_url, key, agent, file = sys.argv[1:]
    anyio.run(main, base_url, key, agent, file)
