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

WAITING_ROWS = 500
"""Rows from which on no further page is taken until they are saved; after a crash they have to be
read again. The more rows in a transaction, the less each of them costs: an index is written to disk
once for all of them."""
LEAST_WEIGHT = 20
"""Rows that a page counts for at least, so that few empty pages wait too."""


@asynccontextmanager
async def prefetch_pages(
    stream: AsyncGenerator[Page, None],
) -> AsyncIterator[AsyncIterator[Sequence[Page]]]:
    """Yield the pages of `stream` in batches: in order, each batch holding all that have arrived.

    An error of `stream` is raised after the pages before it. Leaving early closes `stream`.
    """
    send, receive = anyio.create_memory_object_stream[Page](WAITING_ROWS // LEAST_WEIGHT)
    errors: list[Exception] = []
    waiting, taken = 0, asyncio.Event()

    async def fetch() -> None:
        nonlocal waiting
        async with send, aclosing(stream) as pages:
            try:
                async for page in pages:
                    waiting += _weight(page)
                    await send.send(page)
                    while waiting >= WAITING_ROWS:
                        taken.clear()
                        await taken.wait()
            except Exception as error:  # noqa: BLE001  raised to the consumer of the pages
                errors.append(error)

    async def batches() -> AsyncIterator[Sequence[Page]]:
        nonlocal waiting
        async for page in receive:
            batch = [page]
            with suppress(anyio.WouldBlock, anyio.EndOfStream):
                while True:
                    batch.append(receive.receive_nowait())
            waiting -= sum(map(_weight, batch))
            taken.set()
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


def _weight(page: Page) -> int:
    return max(len(page.rows) + len(page.quarantined), LEAST_WEIGHT)


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
