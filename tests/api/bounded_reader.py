"""A process that reads one list and reports its peak memory: what a test of memory starts.

Usage: `python bounded_reader.py BASE_URL AGENT_ID KEY`; writes one JSON object.
"""

import asyncio
import json
import re
import sys
import time
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

from convocore_mcp.api.client import ConvocoreClient, Limits
from convocore_mcp.errors import ApiError


def peak_memory() -> float:
    """Megabytes of this process alone: `getrusage` also counts its parent, before the start."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(match[1]) / 1024 if match else 0.0


async def read(base_url: str, agent_id: str, key: str) -> dict[str, object]:
    limits = Limits(attempts=2, first_wait=0.01)
    client = ConvocoreClient.from_url(
        base_url, key, version="test", now=lambda: datetime.now(UTC), limits=limits
    )
    rows = quarantined = 0
    error = ""
    start = time.monotonic()
    try:
        async with aclosing(client.conversations(agent_id)) as pages:
            async for page in pages:
                rows += len(page.rows)
                quarantined += len(page.quarantined)
    except ApiError as caught:
        error = type(caught).__name__
    await client.aclose()
    return {
        "rows": rows,
        "quarantined": quarantined,
        "error": error,
        "seconds": time.monotonic() - start,
        "megabytes": peak_memory(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(read(*sys.argv[1:]))))
