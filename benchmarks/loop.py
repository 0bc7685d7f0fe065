"""How long the event loop is held while a sweep runs and many callers ask at the same time."""

import itertools
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.pipes import Call, Server, environment
from benchmarks.table import Row, ms
from benchmarks.telling import say
from convocore_mcp.sandbox import Sandbox, serving

CALLERS, MOST = 20, 50.0
EDITED = 10
"""Every so many-th conversation is edited, so that the sweep has something to write."""
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
    say(f"Asking {calls:,} questions, {CALLERS} at a time, while {size:,} rows are swept …")
    sandbox = Sandbox(size=size)
    with serving(sandbox) as base_url, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "beats.json"
        env = environment(
            api_key=sandbox.key,
            agent_id=sandbox.agent_id,
            base_url=base_url,
            store=f"{folder}/mirror.sqlite3",
        )
        command = [sys.executable, "-m", "benchmarks.beating", str(file)]
        with Server(command, env) as server:
            for number, row in enumerate(list(sandbox.rows())):
                if number % EDITED == 0:
                    sandbox.edit(row["ID"], stage="negotiation", note="edited")
            asked = itertools.islice(itertools.cycle(CALLS), calls)
            server.flood(asked, at_once=CALLERS)
        told = json.loads(file.read_text())
    if "stopped" not in told["ended"]:
        raise RuntimeError(f"Sweeping failed: {told['ended']}")
    if not told["in_threads"]:
        raise RuntimeError("No database call was seen: this measures nothing.")
    besides = (
        f"median {ms(told['median'])}, 99 % {ms(told['p99'])} of {told['beats']:,} beats; "
        f"its thread itself worked {ms(told['worked'])} at most; {told['sweeps']} sweeps completed"
    )
    return [
        Row(
            f"longest that the event loop was held, during a sweep of {size:,} rows and {CALLERS} "
            "callers",
            here=ms(told["longest"]),
            target=f"at most {MOST:g} ms",
            met=told["longest"] <= MOST,
            besides=besides,
        ),
        Row(
            "database calls on the event loop's thread, meanwhile",
            here=f"{told['on_loop']:,}",
            target="none",
            met=told["on_loop"] == 0,
            besides=f"longest {ms(told['longest_on_loop'])}; {told['in_threads']:,} in threads",
            timed=False,
        ),
    ]
