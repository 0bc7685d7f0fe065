"""A process that reads a whole list once, and tells on stdout how long it took and how much memory.

    python -m benchmarks.walker bare|client|mirror BASE_URL [--limit N] [--file FILE] [--rows N]

`bare` is what anybody would write; `client` is ours, alone; `mirror` is ours into SQLite. What is
imported is not counted in the time, and is in the memory.
"""

import argparse
import json
import resource
import sys
import time
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx

from benchmarks.mirrors import AGENT, KEY, open_mirror
from benchmarks.telling import Tally
from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.assembly import WRITERS
from convocore_mcp.sync.full_sync import FullSync
from convocore_mcp.sync.page_writer import PageWriter, Progress, RunInThread, SyncLimits

LARGEST = 100
"""Rows a page that page numbers can give, and that we ask for; with cursors it is 20."""


EMPTY_TO_END = 3
"""Convocore hides empty conversations, and with them now and then a whole page."""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def bare(base_url: str, limit: int) -> set[str]:
    """A loop of `get` and `json.loads` over one connection; follows what the answers say."""
    url, found = f"{base_url}/agents/{AGENT}/convos", set[str]()
    headers = {"Authorization": f"Bearer {KEY}"}
    asked: dict[str, Any] = {"limit": limit, "page": 1}
    empty = 0
    with httpx.Client(headers=headers, trust_env=False) as http:
        while True:
            body = json.loads(http.get(url, params=asked).raise_for_status().content)
            found.update(row["ID"] for row in body["data"] if "ID" in row)
            if "hasMore" in body:
                if not body["hasMore"]:
                    return found
                asked = {"limit": limit, "cursor": body["nextCursor"]}
            else:
                empty = 0 if body["data"] else empty + 1
                if empty == EMPTY_TO_END:
                    return found
                asked = {"limit": limit, "page": asked["page"] + 1}


async def alone(client: ConvocoreClient) -> set[str]:
    """The pages as models, which nobody keeps."""
    found: set[str] = set()
    async with aclosing(client.conversations(AGENT)) as pages:
        async for page in pages:
            found.update(row.id for row in page.rows)
            found.update(row.id for row in page.quarantined if row.id is not None)
    return found


async def into_mirror(client: ConvocoreClient, file: Path, rows: int) -> int:
    """A complete walk into a new mirror; returns how many conversations are there."""
    mirror = open_mirror(file)
    tally, writing = Tally(f"walk of {rows:,}", rows), anyio.CapacityLimiter(WRITERS)

    async def in_writer(call: Any, *args: Any, **kwargs: Any) -> Any:
        return await anyio.to_thread.run_sync(lambda: call(*args, **kwargs), limiter=writing)

    run_in_thread: RunInThread = in_writer
    progress = Progress()
    progress.on_change = lambda: tally.at(progress.rows)
    writer = PageWriter(
        AGENT,
        mirror,
        progress,
        now=utc_now,
        run_in_thread=run_in_thread,
        limits=SyncLimits(2 * rows),
    )
    await FullSync(client, writer).run()
    assert progress.gap is None, progress.gap
    held = mirror.coverage(AGENT)
    mirror.close()
    return held.conversations + held.quarantined


async def ours(base_url: str, file: Path | None, rows: int) -> int:
    """How many conversations are found, with or without a mirror."""
    client = ConvocoreClient.from_url(base_url, KEY, version="benchmark", now=utc_now)
    try:
        if file is not None:
            return await into_mirror(client, file, rows)
        return len(await alone(client))
    finally:
        await client.aclose()


def most_memory() -> float:
    """Megabytes that this process held at most, so far."""
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:  # not Linux; bytes on a Mac
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (1e6 if sys.platform == "darwin" else 1e3)
    # Not `ru_maxrss`, which on Linux begins with what the parent held.
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def main() -> None:
    """Walk, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kind", choices=["bare", "client", "mirror"])
    parser.add_argument("base_url")
    parser.add_argument("--limit", type=int, default=LARGEST, help="rows a page, for `bare`")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--rows", type=int, default=2000)
    chosen = parser.parse_args()
    before, began = most_memory(), time.perf_counter()
    if chosen.kind == "bare":
        rows = len(bare(chosen.base_url, chosen.limit))
    else:
        file = chosen.file if chosen.kind == "mirror" else None
        rows = anyio.run(ours, chosen.base_url, file, chosen.rows)
    seconds = time.perf_counter() - began
    told = {"seconds": seconds, "rows": rows, "memory": most_memory(), "before": before}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
