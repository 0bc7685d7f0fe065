"""One rate limiter and one circuit breaker for all requests, with a clock that tests move."""

import asyncio

import pytest

from convocore_mcp.api.throttle import (
    CONCURRENCY,
    FAILURES_TO_OPEN,
    MAX_INTERVAL,
    OPEN_SECONDS,
    Throttle,
)
from convocore_mcp.errors import (
    ApiError,
    NotFoundError,
    RateLimitedError,
    UnavailableError,
)
from convocore_mcp.sandbox import Sandbox

from .api_client import Clock, api_client, ids_in, listed_ids


async def send(throttle: Throttle, error: ApiError | None = None) -> None:
    """One request, which fails with `error` if it is given."""
    async with throttle.slot():
        if error is not None:
            raise error


async def fail(throttle: Throttle, error: ApiError, *, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(type(error)):
            await send(throttle, error)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock=clock, sleep=clock.sleep)


async def test_requests_to_a_healthy_convocore_do_not_wait(
    throttle: Throttle, clock: Clock
) -> None:
    """Ours: nothing slows requests down without need."""
    for _ in range(100):
        await send(throttle)
    assert clock.slept == []
    assert throttle.note is None


async def test_a_429_makes_every_request_wait(throttle: Throttle, clock: Clock) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    `Retry-After` holds for all requests.
    """
    await fail(throttle, RateLimitedError("slow", retry_after=7))
    assert throttle.note is not None
    assert "slow down" in throttle.note

    await send(throttle)
    assert clock.slept == [7]


async def test_each_429_doubles_the_interval_and_each_success_shortens_it(
    throttle: Throttle, clock: Clock
) -> None:
    """Ours: this finds the rate that Convocore allows."""
    await fail(throttle, RateLimitedError("slow"), times=4)
    assert clock.slept == pytest.approx([0.1, 0.2, 0.4])
    await fail(throttle, RateLimitedError("slow"), times=20)
    assert max(clock.slept) == pytest.approx(MAX_INTERVAL)
    for _ in range(100):
        await send(throttle)
    assert throttle.note is None


async def test_requests_that_are_refused_together_count_once(
    throttle: Throttle, clock: Clock
) -> None:
    """Ours: eight refusals of requests that were under way at once are one signal."""
    release, waiting = asyncio.Event(), asyncio.Barrier(CONCURRENCY + 1)

    async def refused() -> None:
        async with throttle.slot():
            await waiting.wait()
            await release.wait()
            clock.time += 0.001
            raise RateLimitedError("slow")

    requests = [asyncio.ensure_future(refused()) for _ in range(CONCURRENCY)]
    await waiting.wait()
    release.set()
    await asyncio.gather(*requests, return_exceptions=True)
    await send(throttle)
    assert sum(clock.slept) == pytest.approx(0.1, rel=0.1)


async def test_no_more_than_eight_requests_run_at_once(throttle: Throttle) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": bounded concurrency."""
    release, under_way = asyncio.Event(), asyncio.Barrier(CONCURRENCY + 1)
    started = 0

    async def request() -> None:
        nonlocal started
        async with throttle.slot():
            started += 1
            if started <= CONCURRENCY:
                await under_way.wait()
            await release.wait()

    requests = [asyncio.ensure_future(request()) for _ in range(3 * CONCURRENCY)]
    await under_way.wait()
    assert started == CONCURRENCY
    release.set()
    await asyncio.gather(*requests)
    assert started == 3 * CONCURRENCY


async def test_consecutive_failures_open_the_breaker_and_a_success_closes_it(
    throttle: Throttle, clock: Clock
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    A circuit breaker spares a failing Convocore.
    """
    await fail(throttle, UnavailableError("down"), times=FAILURES_TO_OPEN)
    assert throttle.note is not None
    assert "keeps failing" in throttle.note
    assert isinstance(throttle.last_error, UnavailableError)

    with pytest.raises(UnavailableError, match="paused") as caught:
        await send(throttle)
    assert caught.value.retry_after == OPEN_SECONDS

    clock.time += OPEN_SECONDS
    await send(throttle)
    await send(throttle)  # at once, without another pause
    assert throttle.note is None
    assert throttle.last_error is None


async def test_an_open_breaker_lets_a_single_request_try(throttle: Throttle, clock: Clock) -> None:
    """Ours: the other requests wait for its result."""
    await fail(throttle, UnavailableError("down"), times=FAILURES_TO_OPEN)
    clock.time += OPEN_SECONDS
    async with throttle.slot():
        with pytest.raises(UnavailableError, match="paused"):
            await send(throttle)
    await send(throttle)

    await fail(throttle, UnavailableError("down"), times=FAILURES_TO_OPEN)
    clock.time += OPEN_SECONDS
    await fail(throttle, UnavailableError("still down"))
    with pytest.raises(UnavailableError, match="paused"):
        await send(throttle)


async def test_another_request_may_try_after_a_cancelled_one(
    throttle: Throttle, clock: Clock
) -> None:
    """Ours: a cancelled request says nothing about Convocore."""
    await fail(throttle, UnavailableError("down"), times=FAILURES_TO_OPEN)
    clock.time += OPEN_SECONDS
    started = asyncio.Event()

    async def never_ends() -> None:
        async with throttle.slot():
            started.set()
            await asyncio.Event().wait()

    request = asyncio.ensure_future(never_ends())
    await started.wait()
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await send(throttle)
    assert throttle.note is None


async def test_a_refusal_shows_that_convocore_is_up(throttle: Throttle) -> None:
    """Ours: a 404 is an answer, so it does not count as a failure."""
    await fail(throttle, UnavailableError("down"), times=FAILURES_TO_OPEN - 1)
    await fail(throttle, NotFoundError("no"))
    await fail(throttle, UnavailableError("down"))
    assert throttle.note is None


async def test_no_request_waits_beyond_its_deadline(throttle: Throttle, clock: Clock) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    Waiting for the rate limit counts towards the deadline.
    """
    await fail(throttle, RateLimitedError("slow", retry_after=300))
    with pytest.raises(RateLimitedError) as caught:
        async with throttle.slot(until=clock() + 90):
            pass
    assert caught.value.retry_after == 300
    assert clock.slept == []


async def test_a_request_that_waited_checks_again_before_it_starts(clock: Clock) -> None:
    """Ours: a 429 that comes during the wait holds for the waiting request, too."""
    throttle = Throttle(clock=clock, sleep=clock.sleep)
    async with throttle.slot():
        pass
    late = RateLimitedError("slow", retry_after=5)

    async def refused_meanwhile(seconds: float) -> None:
        await clock.sleep(seconds)
        if len(clock.slept) == 1:
            throttle._record_failure(late, clock())  # noqa: SLF001

    throttle = Throttle(clock=clock, sleep=refused_meanwhile)
    await fail(throttle, RateLimitedError("slow", retry_after=3))
    await send(throttle)
    assert clock.slept == [3, 5]


async def test_reading_a_list_goes_on_after_a_429() -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    A single request waits and is retried, not the list.
    """
    clock = Clock()
    sandbox = Sandbox(size=200, dialect="page", max_limit=20)
    sandbox.fail_next(429, headers={"Retry-After": "11"}, after=6)
    throttle = Throttle(clock=clock, sleep=clock.sleep)
    async with api_client(sandbox, throttle=throttle) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)
    assert clock.slept[0] == pytest.approx(11)
