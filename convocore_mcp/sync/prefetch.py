"""Prefetch: fetches the next pages of a list while the last ones are being saved.

A page stream of `api` sends its next requests only when a page is taken. Here pages are taken
while the database is busy, so that a long transaction does not hold up the requests, and the next
transaction saves all pages that have arrived.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace

import anyio

from convocore_mcp.models import Page

PREFETCH_LIMIT = 1
"""Pages that may wait to be saved; after a crash they have to be read again."""


@asynccontextmanager
async def prefetch_pages(
    stream: AsyncGenerator[Page, None],
) -> AsyncIterator[AsyncIterator[Sequence[Page]]]:
    """Yield the pages of `stream` in batches: in order, each batch holding all that have arrived.

    An error of `stream` is raised after the pages before it. Leaving early closes `stream`.
    """
    send, receive = anyio.create_memory_object_stream[Page](PREFETCH_LIMIT)
    errors: list[Exception] = []

    async def fetch() -> None:
        async with send, aclosing(stream) as pages:
            try:
                async for page in pages:
                    await send.send(page)
            except Exception as error:  # noqa: BLE001  raised to the consumer of the pages
                errors.append(error)

    async def batches() -> AsyncIterator[Sequence[Page]]:
        async for page in receive:
            batch = [page]
            with suppress(anyio.WouldBlock, anyio.EndOfStream):
                while True:
                    batch.append(receive.receive_nowait())
            yield batch
        for error in errors:
            raise error

    # Not a task group: it would wrap the errors that are raised inside the block.
    task = asyncio.create_task(fetch())
    try:
        async with receive:
            yield batches()
    finally:
        task.cancel()
        # Shielded: the task must have ended even if the block is left because of a cancellation.
        with anyio.CancelScope(shield=True), suppress(asyncio.CancelledError):
            await task


def merge_pages(pages: Sequence[Page]) -> Page:
    """Consecutive pages as one; a row that is on two pages is there twice, the later one last."""
    first, last = pages[0], pages[-1]
    return replace(
        last,
        rows=tuple(row for page in pages for row in page.rows),
        quarantined=tuple(bad for page in pages for bad in page.quarantined),
        certain=all(page.certain for page in pages),
        read_at=first.read_at,  # no row may count as newer than it is
    )
