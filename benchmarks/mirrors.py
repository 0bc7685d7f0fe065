"""Mirrors of any size: made once, and kept if somebody wants to measure again.

The rows are the sandbox's. They go the way of all rows (`api.wire`, `store.mirror`), in larger
pages and without HTTP; the coverage is noted as a walk does it, so that a server takes them for
complete. Nothing upstream answers, and nothing is old enough to be read again.
"""

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.pipes import environment
from benchmarks.telling import Tally, say
from convocore_mcp.api import wire
from convocore_mcp.assembly import mirror_place, read_settings
from convocore_mcp.leads.affected import merge_affected
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.schema import SCHEMA_VERSION
from convocore_mcp.store.database.sqlite_file import SUFFIXES
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules

KEY, AGENT = "sandbox-key", "demo-agent"
Make = Callable[[Path, int], dict[str, Any]]
"""Makes a mirror of a size in a file, and tells how that went."""
NOBODY = "http://127.0.0.1:9/v3"
"""Where no Convocore answers, and none is asked."""
NEVER = 10 * 365 * 86_400
PAGE, REBUILD_EVERY = 200, 5
STALE = 2 * 86_400
"""Seconds after which a kept mirror is made again: `since=7d` means other rows by then."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A mirror on disk, and how it was made."""

    path: Path
    size: int
    told: dict[str, Any]

    @property
    def env(self) -> dict[str, str]:
        """For a server that answers from it."""
        return environment(
            api_key=KEY,
            agent_id=AGENT,
            base_url=NOBODY,
            store=self.path,
            incremental_sync_seconds=NEVER,
            full_sync_seconds=NEVER,
        )


def owner() -> str:
    """The fingerprint that a server with `Filled.env` looks for."""
    settings = read_settings({"api_key": KEY, "base_url": NOBODY, "store": "memory"})
    return mirror_place(settings)[1]


def open_mirror(path: Path) -> MirrorWriter:
    """To write into it."""
    return MirrorWriter(
        open_database(path, owner=owner()), Rules(keys=derive_keys, merge_affected=merge_affected)
    )


def mirror(folder: Path, size: int, make: Make) -> Filled:
    """The mirror of that size in `folder`; `make` makes it, unless one is there that still fits."""
    path = folder / f"{make.__name__}-{size}.sqlite3"
    note = path.with_suffix(".json")
    if path.exists() and note.exists():
        told = json.loads(note.read_text())
        if told["schema"] == SCHEMA_VERSION and time.time() - told["made"] < STALE:
            say(f"The mirror of {size:,} is there.")
            return Filled(path, size, told | {"kept": True})
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    say(f"Making a mirror of {size:,} …")
    told = {"schema": SCHEMA_VERSION, "made": time.time()} | make(path, size)
    note.write_text(json.dumps(told))
    return Filled(path, size, told)


def filled(path: Path, size: int) -> dict[str, Any]:
    """Make one as fast as can be."""
    read_at = datetime.now(UTC)
    rows, tally, done = Sandbox(size=size).rows(), Tally(f"mirror of {size:,}", size), 0
    filling = open_mirror(path)
    for number in itertools.count(1):
        batch = list(itertools.islice(rows, PAGE))
        if not batch:
            break
        body = json.dumps({"success": True, "data": batch, "hasMore": False}).encode()
        filling.save(AGENT, wire.reply(body, AGENT, read_at).page, read_at=read_at)
        if number % REBUILD_EVERY == 0:
            filling.rebuild_leads(AGENT)
        done += len(batch)
        tally.at(done)
    filling.rebuild_leads(AGENT)
    filling.update_coverage(AGENT, as_of=read_at, full_sync_at=read_at, watermark=read_at)
    filling.close()
    return {"rows": done}
