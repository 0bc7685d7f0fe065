"""How long the event loop is blocked while a full sync runs and many callers ask at once."""

import itertools
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.progress import report
from benchmarks.server_process import Call, Server, environment
from benchmarks.table import Row, ms
from convocore_mcp.sandbox import Sandbox, serving

CALLERS, MAX_BLOCKED_MS = 20, 50.0
EDITED = 10
"""Every tenth conversation is edited, so that full syncs have something to write."""
CALLS: tuple[Call, ...] = (
    ("list_conversations", {}),
    ("list_conversations", {"query": "demo", "stage": ["negotiation"]}),
    ("summarize_hot_leads", {"since": "7d"}),
    ("get_lead", {"lead": "maria"}),
    ("conversation_stats", {"group_by": ["stage"]}),
    ("list_changes", {}),
)


def measure(size: int, calls: int) -> list[Row]:
    """The rows about the event loop."""
    report(f"Calling {calls:,} times, {CALLERS} at once, during full syncs of {size:,} rows …")
    sandbox = Sandbox(size=size)
    with serving(sandbox) as base_url, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "event_loop.json"
        env = environment(
            api_key=sandbox.key,
            agent_id=sandbox.agent_id,
            base_url=base_url,
            store=f"{folder}/mirror.sqlite3",
        )
        command = [sys.executable, "-m", "benchmarks.event_loop_server", str(file)]
        with Server(command, env) as server:
            for number, row in enumerate(list(sandbox.rows())):
                if number % EDITED == 0:
                    sandbox.edit(row["ID"], stage="negotiation", note="edited")
            asked = itertools.islice(itertools.cycle(CALLS), calls)
            server.call_concurrently(asked, at_once=CALLERS)
        found = json.loads(file.read_text())
    if "stopped" not in found["ended"]:
        raise RuntimeError(f"A full sync failed: {found['ended']}")
    if not found["in_threads"]:
        raise RuntimeError("No database call was seen, so nothing was measured.")
    notes = (
        f"median {ms(found['median'])}, 99 % {ms(found['p99'])} of {found['ticks']:,} ticks; "
        f"its thread worked {ms(found['worked'])} at most; "
        f"{found['full_syncs']} full syncs completed"
    )
    return [
        Row(
            f"longest time the event loop was blocked, during a full sync of {size:,} rows and "
            f"{CALLERS} callers",
            measured=ms(found["longest"]),
            target=f"at most {MAX_BLOCKED_MS:g} ms",
            met=found["longest"] <= MAX_BLOCKED_MS,
            notes=notes,
        ),
        Row(
            "database calls on the event loop's thread, in that time",
            measured=f"{found['on_loop']:,}",
            target="none",
            met=found["on_loop"] == 0,
            notes=f"longest {ms(found['max_seconds_on_loop'])}; {found['in_threads']:,} in threads",
            timed=False,
        ),
    ]
