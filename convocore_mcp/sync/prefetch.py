"""Reading ahead: the next pages are on their way while the last ones are written.

A walk by itself (`api.walks`) asks for the next page, or a few, when one is taken, and goes no
further. Here pages are taken while the database is busy, so that one transaction holds those that
have come meanwhile, and a long one does not keep Convocore waiting.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace

import anyio

from convocore_mcp.models import Page

PREFETCH_LIMIT = 1
"""Pages that may wait to be written: what a crash costs is to read them again."""


@asynccontextmanager
async def prefetch_pages(
    full_sync: AsyncGenerator[Page, None],
) -> AsyncIterator[AsyncIterator[Sequence[Page]]]:
    """The pages of `walk`, as many at a time as have come, in their order.

    What `walk` raises comes behind the pages before it. Leaving early ends `walk`.
    """
    send, receive = anyio.create_memory_object_stream[Page](PREFETCH_LIMIT)
    failed: list[Exception] = []

    async def fetch() -> None:
        async with send, aclosing(full_sync) as pages:
            try:
                async for page in pages:
                    await send.send(page)
            except Exception as error:  # noqa: BLE001  raised to whoever takes the pages
                failed.append(error)

    async def batches() -> AsyncIterator[Sequence[Page]]:
        async for page in receive:
            batch = [page]
            with suppress(anyio.WouldBlock, anyio.EndOfStream):
                while True:
                    batch.append(receive.receive_nowait())
            yield batch
        for error in failed:
            raise error

    # Not a task group, which would wrap what is raised in here.
    task = asyncio.create_task(fetch())
    try:
        async with receive:
            yield batches()
    finally:
        task.cancel()
        # Shielded: whoever leaves because all is being stopped still sees this one end.
        with anyio.CancelScope(shield=True), suppress(asyncio.CancelledError):
            await task


def merge_pages(pages: Sequence[Page]) -> Page:
    """Pages that follow each other as one; of a row that is in two, the later reading counts."""
    first, last = pages[0], pages[-1]
    return replace(
        last,
        rows=tuple(row for page in pages for row in page.rows),
        quarantined=tuple(bad for page in pages for bad in page.quarantined),
        certain=all(page.certain for page in pages),
        read_at=first.read_at,  # what was seen by then is not newer than any of it
    )
