"""Runs blocking database calls in threads; a cancelled caller returns at once."""

import asyncio
import functools
import logging
import math
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

from convocore_mcp.errors import DamagedMirrorError, LostConnectionError
from convocore_mcp.store.database.engine import Database

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseThreads:
    """Runs calls in threads, at most `limit` at a time, in the order in which they are made.

    A cancelled caller returns at once. The call goes on and keeps its slot, so a database that does
    not answer holds `limit` threads and no more.
    """

    def __init__(self, database: Database, limit: int) -> None:
        self._database = database
        # The semaphore is the limit. anyio's limiter frees its token when the caller is cancelled,
        # while the thread still runs.
        self._slots = anyio.Semaphore(limit)
        self._unlimited = anyio.CapacityLimiter(math.inf)
        self._calls: set[asyncio.Task[object]] = set()

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await what `call` returns.

        It is called once more if the database ended the connection. If it finds the mirror
        damaged, a new one is made before the error is raised.
        """
        await self._slots.acquire()
        task = asyncio.create_task(self._call(functools.partial(call, *args, **kwargs)))
        self._calls.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def run_in_snapshot(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`; everything that `call` reads is of one state of the mirror."""

        def read() -> T:
            with self._database.snapshot():
                return call(*args, **kwargs)

        return await self.run(read)

    async def finish(self) -> None:
        """Wait for the calls that are under way, also those that nobody waits for."""
        if self._calls:
            await asyncio.wait(self._calls)

    async def _call(self, call: Callable[[], T]) -> T:
        engine = self._database.engine
        try:
            return await self._in_thread(call)
        except LostConnectionError as error:
            log.info("Trying once more: %s", error.message)
            return await self._in_thread(call)
        except DamagedMirrorError:
            await self._in_thread(functools.partial(self._database.replace_damaged, engine))
            raise

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(call, limiter=self._unlimited)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._slots.release()
        self._calls.discard(task)
        # Retrieved, so that asyncio does not report it again: the caller has got it.
        if not task.cancelled() and (error := task.exception()) is not None:
            log.info("A call of the mirror failed: %s", type(error).__name__)
