"""Those who wait at the same time share a reading, and nobody gets one from before they asked."""

import asyncio

import pytest

from convocore_mcp.store.engines.shared_read import SharedRead


class Source:
    """Counts how often it is read; a reading ends when it may."""

    def __init__(self) -> None:
        self.readings = 0
        self.may_end = asyncio.Event()
        self.has_begun = asyncio.Event()

    async def __call__(self) -> int:
        self.readings += 1
        number = self.readings
        self.has_begun.set()
        await self.may_end.wait()
        if number == 3:
            raise OSError("The third reading fails.")
        return number


async def test_all_who_ask_before_a_reading_begins_share_it() -> None:
    source = Source()
    reading = SharedRead(source)
    source.may_end.set()
    assert await asyncio.gather(*(reading.get() for _ in range(20))) == [1] * 20
    assert await reading.get() == 2


async def test_who_asks_while_a_reading_is_under_way_gets_the_next_one() -> None:
    source = Source()
    reading = SharedRead(source)
    early = asyncio.create_task(reading.get())
    await source.has_begun.wait()
    late = [asyncio.create_task(reading.get()) for _ in range(20)]
    source.may_end.set()
    assert await early == 1
    assert await asyncio.gather(*late) == [2] * 20


async def test_a_cancelled_caller_takes_the_reading_from_nobody() -> None:
    source = Source()
    reading = SharedRead(source)
    cancelled, other = (asyncio.create_task(reading.get()) for _ in range(2))
    await source.has_begun.wait()
    cancelled.cancel()
    source.may_end.set()
    assert await other == 1
    assert cancelled.cancelled()


async def test_a_failed_reading_fails_for_its_callers_only() -> None:
    source = Source()
    reading = SharedRead(source)
    source.readings = 2
    failing = asyncio.create_task(reading.get())
    await source.has_begun.wait()
    next_one = asyncio.create_task(reading.get())
    source.may_end.set()
    with pytest.raises(OSError, match="third reading"):
        await failing
    assert await next_one == 4


async def test_readings_are_waited_for_before_the_end() -> None:
    source = Source()
    reading = SharedRead(source)
    await reading.finish()
    asked = asyncio.create_task(reading.get())
    await source.has_begun.wait()
    finishing = asyncio.create_task(reading.finish())
    source.may_end.set()
    await finishing
    assert await asked == 1
