"""Coalesces reads: callers that wait at the same time share one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedRead(Generic[T]):
    """Reads once for all callers that asked before the read began.

    A caller that asks while a read is under way gets the next one: data may have changed since the
    current one began.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._under_way: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The result of a read that begins after this call; a cancelled caller stops nothing."""
        if self._next is None:
            self._next = asyncio.create_task(self._read_after(self._under_way))
        return await asyncio.shield(self._next)

    async def finish(self) -> None:
        """Wait for the reads that are under way or due."""
        pending = [task for task in (self._under_way, self._next) if task is not None]
        if pending:
            await asyncio.wait(pending)

    async def _read_after(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._under_way, self._next = self._next, None
        return await self._read()
