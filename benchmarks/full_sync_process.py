"""A process that reads a whole list once; prints the time and memory it took.

    python -m benchmarks.full_sync_process KIND BASE_URL [--limit N] [--file FILE] [--rows N]

KIND is `bare` (a simple loop), `client` (our client alone) or `mirror` (a full sync into
SQLite). Imports count for the memory, but not for the time.
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

from benchmarks.mirror_files import AGENT, KEY, open_mirror
from benchmarks.progress import ProgressReport
from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.assembly import WRITERS, tune_garbage_collection
from convocore_mcp.sync.full_sync import FullSync
from convocore_mcp.sync.page_writer import PageWriter, Progress, RunInThread, SyncLimits

MAX_PAGE_ROWS = 100
"""Rows per page that are requested with page numbers; with cursors it is 20."""
EMPTY_PAGES_AT_END = 3
"""Empty pages that end a list: Convocore hides empty conversations, sometimes a whole page."""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def bare(base_url: str, limit: int) -> set[str]:
    """A loop of `get` and `json.loads` over one connection, in either dialect."""
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
                if empty == EMPTY_PAGES_AT_END:
                    return found
                asked = {"limit": limit, "page": asked["page"] + 1}


async def client_alone(client: ConvocoreClient) -> set[str]:
    """Read all pages as models, and drop them; returns the ids."""
    found: set[str] = set()
    async with aclosing(client.conversations(AGENT)) as pages:
        async for page in pages:
            found.update(row.id for row in page.rows)
            found.update(row.id for row in page.quarantined if row.id is not None)
    return found


async def into_mirror(client: ConvocoreClient, file: Path, rows: int) -> int:
    """A full sync into a new mirror; returns the number of conversations."""
    mirror = open_mirror(file)
    progress_report, writing = (
        ProgressReport(f"full sync of {rows:,}", rows),
        anyio.CapacityLimiter(WRITERS),
    )

    async def in_writer(call: Any, *args: Any, **kwargs: Any) -> Any:
        return await anyio.to_thread.run_sync(lambda: call(*args, **kwargs), limiter=writing)

    run_in_thread: RunInThread = in_writer
    progress = Progress()
    progress.on_change = lambda: progress_report.update(progress.rows)
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
    coverage = mirror.coverage(AGENT)
    mirror.close()
    return coverage.conversations + coverage.quarantined


async def ours(base_url: str, file: Path | None, rows: int) -> int:
    """Read with our client, into a mirror if `file` is given; returns the number of rows."""
    client = ConvocoreClient.from_url(base_url, KEY, version="benchmark", now=utc_now)
    try:
        if file is not None:
            return await into_mirror(client, file, rows)
        return len(await client_alone(client))
    finally:
        await client.aclose()


def peak_memory() -> float:
    """The largest memory of this process so far, in megabytes."""
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:  # not Linux; bytes on a Mac
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1e6 if sys.platform == "darwin" else 1e3)
    # Not `ru_maxrss`, which on Linux includes the memory of the parent.
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def main() -> None:
    """Read, and print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("kind", choices=["bare", "client", "mirror"])
    parser.add_argument("base_url")
    parser.add_argument(
        "--limit", type=int, default=MAX_PAGE_ROWS, help="rows per page, for `bare`"
    )
    parser.add_argument("--file", type=Path)
    parser.add_argument("--rows", type=int, default=2000)
    chosen = parser.parse_args()
    tune_garbage_collection()  # as a server does
    before, began = peak_memory(), time.perf_counter()
    if chosen.kind == "bare":
        rows = len(bare(chosen.base_url, chosen.limit))
    else:
        file = chosen.file if chosen.kind == "mirror" else None
        rows = anyio.run(ours, chosen.base_url, file, chosen.rows)
    seconds = time.perf_counter() - began
    measurements = {"seconds": seconds, "rows": rows, "memory": peak_memory(), "before": before}
    print(json.dumps(measurements))


if __name__ == "__main__":
    main()
