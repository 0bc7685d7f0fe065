"""A process that runs one full sync under the sync lock. A test stops it, and lets it continue.

Usage: python -m tests.sync.stopped_process BASE_URL KEY AGENT STORE
"""

import sys
from contextlib import aclosing

import anyio

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.sync_locks import sync_locks_for
from convocore_mcp.sync.agent_sync import SyncParts
from convocore_mcp.sync.agent_syncs import AgentSyncs
from tests.api.api_client import utc_now
from tests.sync.sync_harness import mirror_on, run_in_thread


async def main(base_url: str, key: str, agent_id: str, store: str) -> None:
    location = store_location(store, fingerprint="f")
    database = open_database(location, owner="test")
    client = ConvocoreClient.from_url(base_url, key, version="test", now=utc_now)
    parts = SyncParts(
        upstream=client,
        health=client.throttle,
        mirror=mirror_on(database),
        sync_locks=sync_locks_for(location, database),
        now=utc_now,
        write_in_thread=run_in_thread,
        read_in_thread=run_in_thread,
    )
    async with aclosing(AgentSyncs(parts)) as syncs:
        progress = await syncs.sync(agent_id)
    sys.stdout.write(f"ended after {progress.rows} rows\n")


if __name__ == "__main__":
    base_url, key, agent_id, store = sys.argv[1:]
    anyio.run(main, base_url, key, agent_id, store)
