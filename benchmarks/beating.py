"""Our server over stdio, with a heart that tells how long the event loop kept it waiting.

    python -m benchmarks.beating FILE

Reads everything, then serves while it is swept again and again; settings come from the environment.
When stdin closes, FILE holds what was seen, as JSON.
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
from convocore_mcp.server.backend import App, Backend
from convocore_mcp.server.mcp.mcp_server import create_server, serve_stdio

BEAT = 0.001


class Heart:
    """Beats on the event loop: how late, and how long the loop's thread worked in between."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.worked: list[float] = []
        self.on_loop = self.in_threads = 0
        """Database calls on the event loop's thread, and on others."""
        self.longest_on_loop = 0.0

    async def beat(self) -> None:
        """Forever."""
        while True:
            due, before = time.perf_counter() + BEAT, time.thread_time()
            await asyncio.sleep(BEAT)
            self.late.append((time.perf_counter() - due) * 1000)
            self.worked.append((time.thread_time() - before) * 1000)

    def watch_databases(self) -> None:
        """Count every statement by the thread that runs it."""
        home, began = threading.get_ident(), 0.0

        @event.listens_for(Engine, "before_cursor_execute")
        def before(*_: object) -> None:
            nonlocal began
            if threading.get_ident() == home:
                self.on_loop, began = self.on_loop + 1, time.perf_counter()
            else:
                self.in_threads += 1

        @event.listens_for(Engine, "after_cursor_execute")
        def after(*_: object) -> None:
            if threading.get_ident() == home:
                took = (time.perf_counter() - began) * 1000
                self.longest_on_loop = max(self.longest_on_loop, took)

    def told(self) -> dict[str, Any]:
        """Everything, in milliseconds."""
        late = sorted(self.late)
        return {
            "beats": len(late),
            "median": late[len(late) // 2],
            "p99": late[len(late) * 99 // 100],
            "longest": late[-1],
            "worked": max(self.worked),
            "on_loop": self.on_loop,
            "in_threads": self.in_threads,
            "longest_on_loop": self.longest_on_loop,
        }


async def main() -> dict[str, Any]:
    """Fill, then serve, sweep and beat; returns what the heart has to tell."""
    app = App(lambda: Assembly({}), version="benchmark")
    heart, sweeps, ended = Heart(), 0, ""
    heart.watch_databases()
    backend = await app.backend()
    await backend.syncs.sync(backend.agents[0], full=True)

    async def sweep(backend: Backend) -> None:
        nonlocal sweeps, ended
        try:
            while True:
                await backend.syncs.sync(backend.agents[0], full=True)
                sweeps += 1
        except ConvocoreError as error:  # the last one, when the server ends
            ended = error.message

    async with anyio.create_task_group() as group:
        group.start_soon(heart.beat)
        group.start_soon(sweep, backend)
        await serve_stdio(create_server(app))
        group.cancel_scope.cancel()
    return heart.told() | {"sweeps": sweeps, "ended": ended}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(anyio.run(main)))
