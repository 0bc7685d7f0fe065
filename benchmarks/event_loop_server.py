"""Our server over stdio, with a monitor that measures how long the event loop is blocked.

    python -m benchmarks.event_loop_server FILE

Reads everything, then serves while full syncs run one after the other; settings come from the
environment. When stdin closes, the measurements are written to FILE as JSON.
"""

import asyncio
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy import Engine, event

from convocore_mcp.assembly import Assembly
from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.mcp_server import create_server
from convocore_mcp.server.mcp.stdio.stdio_server import serve_stdio

TICK = 0.001


class EventLoopMonitor:
    """Ticks on the event loop: how late each tick is, and how long the thread worked for it."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.worked: list[float] = []
        self.on_loop = self.in_threads = 0
        """Database calls on the event loop's thread, and in other threads."""
        self.max_seconds_on_loop = 0.0

    async def tick(self) -> None:
        """Tick until cancelled."""
        while True:
            due, before = time.perf_counter() + TICK, time.thread_time()
            await asyncio.sleep(TICK)
            self.late.append((time.perf_counter() - due) * 1000)
            self.worked.append((time.thread_time() - before) * 1000)

    def watch_databases(self) -> None:
        """Count every SQL statement by the thread that runs it."""
        loop_thread, began = threading.get_ident(), 0.0

        @event.listens_for(Engine, "before_cursor_execute")
        def before(*_: object) -> None:
            nonlocal began
            if threading.get_ident() == loop_thread:
                self.on_loop, began = self.on_loop + 1, time.perf_counter()
            else:
                self.in_threads += 1

        @event.listens_for(Engine, "after_cursor_execute")
        def after(*_: object) -> None:
            if threading.get_ident() == loop_thread:
                took = (time.perf_counter() - began) * 1000
                self.max_seconds_on_loop = max(self.max_seconds_on_loop, took)

    def measurements(self) -> dict[str, Any]:
        """All measurements; times in milliseconds."""
        late = sorted(self.late)
        return {
            "ticks": len(late),
            "median": late[len(late) // 2],
            "p99": late[len(late) * 99 // 100],
            "longest": late[-1],
            "worked": max(self.worked),
            "on_loop": self.on_loop,
            "in_threads": self.in_threads,
            "max_seconds_on_loop": self.max_seconds_on_loop,
        }


async def main() -> dict[str, Any]:
    """Fill the mirror, then serve and run full syncs; returns the measurements."""
    app = App(lambda: Assembly({}), version="benchmark")
    monitor, full_syncs, ended = EventLoopMonitor(), 0, ""
    monitor.watch_databases()
    backend = await app.backend()
    await backend.syncs.sync(backend.agents[0], full=True)

    async def keep_syncing(backend: Backend) -> None:
        nonlocal full_syncs, ended
        try:
            while True:
                await backend.syncs.sync(backend.agents[0], full=True)
                full_syncs += 1
        except ConvocoreError as error:  # the last one, cancelled when the server ends
            ended = error.message

    async with anyio.create_task_group() as group:
        group.start_soon(monitor.tick)
        group.start_soon(keep_syncing, backend)
        await serve_stdio(create_server(app))
        group.cancel_scope.cancel()
    return monitor.measurements() | {"full_syncs": full_syncs, "ended": ended}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(anyio.run(main)))
