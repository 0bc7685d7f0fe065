"""Mirror files of any size: made once, and kept for the next run if wanted.

The rows are the sandbox's. They are parsed and saved as always (`api.wire`, `MirrorWriter`), in
larger pages and without HTTP. The coverage is set as after a full sync, so that a server takes the
mirror for complete. No upstream answers, and nothing is old enough to be read again.
"""

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.progress import ProgressReport, report
from benchmarks.server_process import environment
from convocore_mcp.api import wire
from convocore_mcp.configuration import mirror_location, read_settings
from convocore_mcp.leads.affected import merge_affected
from convocore_mcp.leads.due_dates import due_dates_of_row
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.schema import SCHEMA_VERSION
from convocore_mcp.store.files.set_aside import SUFFIXES
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules

KEY, AGENT = "sandbox-key", "demo-agent"
FillMirror = Callable[[Path, int], dict[str, Any]]
"""Makes a mirror with so many rows in a file; returns what was measured meanwhile."""
NO_UPSTREAM = "http://127.0.0.1:9/v3"
"""An address where nothing answers; no request is sent there."""
NEVER_SECONDS = 10 * 365 * 86_400
PAGE, REBUILD_EVERY = 200, 5
MAX_AGE_SECONDS = 2 * 86_400
"""Seconds after which a kept mirror is made again: by then, `since=7d` means other rows."""


@dataclass(frozen=True, slots=True)
class MirrorFile:
    """A mirror on disk, and what was measured when it was made."""

    path: Path
    size: int
    measurements: dict[str, Any]

    @property
    def env(self) -> dict[str, str]:
        """The environment of a server that answers from it."""
        return environment(
            api_key=KEY,
            agent_id=AGENT,
            base_url=NO_UPSTREAM,
            store=self.path,
            incremental_sync_seconds=NEVER_SECONDS,
            full_sync_seconds=NEVER_SECONDS,
        )


def owner() -> str:
    """The fingerprint that a server with `MirrorFile.env` expects."""
    settings = read_settings({"api_key": KEY, "base_url": NO_UPSTREAM, "store": "memory"})
    return mirror_location(settings)[1]


def open_mirror(path: Path) -> MirrorWriter:
    """Open a mirror for writing."""
    return MirrorWriter(
        open_database(path, owner=owner()),
        Rules(keys=derive_keys, merge_affected=merge_affected, due_dates=due_dates_of_row),
    )


def mirror_file(folder: Path, size: int, make: FillMirror) -> MirrorFile:
    """The mirror of that size in `folder`; `make` makes it, unless a recent one is there."""
    path = folder / f"{make.__name__}-{size}.sqlite3"
    measurements_file = path.with_suffix(".json")
    if path.exists() and measurements_file.exists():
        measurements = json.loads(measurements_file.read_text())
        age = time.time() - measurements["made"]
        if measurements["schema"] == SCHEMA_VERSION and age < MAX_AGE_SECONDS:
            report(f"Using the kept mirror of {size:,}.")
            return MirrorFile(path, size, measurements | {"kept": True})
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    report(f"Making a mirror of {size:,} …")
    measurements = {"schema": SCHEMA_VERSION, "made": time.time()} | make(path, size)
    measurements_file.write_text(json.dumps(measurements))
    return MirrorFile(path, size, measurements)


def fill_directly(path: Path, size: int) -> dict[str, Any]:
    """Make a mirror as fast as possible."""
    read_at = datetime.now(UTC)
    rows, progress_report, done = (
        Sandbox(size=size).rows(),
        ProgressReport(f"mirror of {size:,}", size),
        0,
    )
    filling = open_mirror(path)
    for number in itertools.count(1):
        batch = list(itertools.islice(rows, PAGE))
        if not batch:
            break
        body = json.dumps({"success": True, "data": batch, "hasMore": False}).encode()
        filling.save(AGENT, wire.parse_list_response(body, AGENT, read_at).page, read_at=read_at)
        if number % REBUILD_EVERY == 0:
            filling.rebuild_leads(AGENT)
        done += len(batch)
        progress_report.update(done)
    filling.rebuild_leads(AGENT)
    filling.update_coverage(AGENT, as_of=read_at, full_sync_at=read_at, watermark=read_at)
    filling.close()
    return {"rows": done}
