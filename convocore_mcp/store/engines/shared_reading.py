"""One reading for all who wait for it at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedReading(Generic[T]):
    """Reads something once for everybody who asked before the reading began.

    Who asks while a reading is under way gets the next one: this one may have looked too early.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._under_way: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """What a reading finds that begins after this call; a cancelled caller stops nothing."""
        if self._next is None:
            self._next = asyncio.create_task(self._read_after(self._under_way))
        return await asyncio.shield(self._next)

    async def finish(self) -> None:
        """Wait for the readings that are under way or due."""
        pending = [task for task in (self._under_way, self._next) if task is not None]
        if pending:
            await asyncio.wait(pending)

    async def _read_after(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._under_way, self._next = self._next, None
        return await self._read()
