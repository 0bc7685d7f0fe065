"""One rate limiter and one breaker for all requests, by a clock that tests move."""

import asyncio

import pytest

from convocore_mcp.api.throttle import (
    CONCURRENCY,
    FAILURES_TO_OPEN,
    REST,
    WIDEST_GAP,
    Throttle,
)
from convocore_mcp.errors import (
    ApiError,
    NotFoundError,
    RateLimitedError,
    UnavailableError,
)
from convocore_mcp.sandbox import Sandbox

from .api_client import Clock, api_client, found, truth


async def ask(throttle: Throttle, error: ApiError | None = None) -> None:
    """One request, which goes as it is told."""
    async with throttle.slot():
        if error is not None:
            raise error


async def fail(throttle: Throttle, error: ApiError, *, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(type(error)):
            await ask(throttle, error)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock=clock, sleep=clock.sleep)


async def test_a_healthy_upstream_is_asked_without_waiting(
    throttle: Throttle, clock: Clock
) -> None:
    """Ours: nobody is slowed down for nothing."""
    for _ in range(100):
        await ask(throttle)
    assert clock.slept == []
    assert throttle.note is None


async def test_a_429_makes_everybody_wait(throttle: Throttle, clock: Clock) -> None:
    """Promised by design.md: 429 by `Retry-After`, for all who share the limiter."""
    await fail(throttle, RateLimitedError("slow", retry_after=7))
    assert throttle.note is not None
    assert "slow down" in throttle.note

    await ask(throttle)
    assert clock.slept == [7]


async def test_each_429_doubles_the_distance_and_successes_shorten_it(
    throttle: Throttle, clock: Clock
) -> None:
    """Ours: we find the speed that Convocore bears."""
    await fail(throttle, RateLimitedError("slow"), times=4)
    assert clock.slept == pytest.approx([0.1, 0.2, 0.4])
    await fail(throttle, RateLimitedError("slow"), times=20)
    assert max(clock.slept) == pytest.approx(WIDEST_GAP)
    for _ in range(100):
        await ask(throttle)
    assert throttle.note is None


async def test_requests_refused_together_count_as_one(throttle: Throttle, clock: Clock) -> None:
    """Ours: eight requests under way, and one word from Convocore, is one refusal."""
    gate, waiting = asyncio.Event(), asyncio.Barrier(CONCURRENCY + 1)

    async def refused() -> None:
        async with throttle.slot():
            await waiting.wait()
            await gate.wait()
            clock.time += 0.001
            raise RateLimitedError("slow")

    requests = [asyncio.ensure_future(refused()) for _ in range(CONCURRENCY)]
    await waiting.wait()
    gate.set()
    await asyncio.gather(*requests, return_exceptions=True)
    await ask(throttle)
    assert sum(clock.slept) == pytest.approx(0.1, rel=0.1)


async def test_no_more_than_eight_requests_run_at_once(throttle: Throttle) -> None:
    """Promised by issue 2: bounded concurrency."""
    gate, under_way = asyncio.Event(), asyncio.Barrier(CONCURRENCY + 1)
    begun = 0

    async def request() -> None:
        nonlocal begun
        async with throttle.slot():
            begun += 1
            if begun <= CONCURRENCY:
                await under_way.wait()
            await gate.wait()

    requests = [asyncio.ensure_future(request()) for _ in range(3 * CONCURRENCY)]
    await under_way.wait()
    assert begun == CONCURRENCY
    gate.set()
    await asyncio.gather(*requests)
    assert begun == 3 * CONCURRENCY


async def test_failures_in_a_row_open_the_breaker_and_a_success_closes_it(
    throttle: Throttle, clock: Clock
) -> None:
    """Promised by design.md: a circuit breaker keeps a struggling upstream from being hammered."""
    await fail(throttle, UnavailableError("down"), times=FAILURES_TO_OPEN)
    assert throttle.note is not None
    assert "keeps failing" in throttle.note
    assert isinstance(throttle.trouble, UnavailableError)

    with pytest.raises(UnavailableError, match="left alone") as caught:
        await ask(throttle)
    assert caught.value.retry_after == REST

    clock.time += REST
    await ask(throttle)
    await ask(throttle)  # at once, and not after another rest
    assert throttle.note is None
    assert throttle.trouble is None


async def test_an_open_breaker_lets_one_try_at_a_time(throttle: Throttle, clock: Clock) -> None:
    """Ours: the others wait for how it goes."""
    await fail(throttle, UnavailableError("down"), times=FAILURES_TO_OPEN)
    clock.time += REST
    async with throttle.slot():
        with pytest.raises(UnavailableError, match="left alone"):
            await ask(throttle)
    await ask(throttle)

    await fail(throttle, UnavailableError("down"), times=FAILURES_TO_OPEN)
    clock.time += REST
    await fail(throttle, UnavailableError("still down"))
    with pytest.raises(UnavailableError, match="left alone"):
        await ask(throttle)


async def test_a_try_that_is_given_up_leaves_room_for_another(
    throttle: Throttle, clock: Clock
) -> None:
    """Ours: leaving early says nothing about Convocore."""
    await fail(throttle, UnavailableError("down"), times=FAILURES_TO_OPEN)
    clock.time += REST
    begun = asyncio.Event()

    async def given_up() -> None:
        async with throttle.slot():
            begun.set()
            await asyncio.Event().wait()

    request = asyncio.ensure_future(given_up())
    await begun.wait()
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await ask(throttle)
    assert throttle.note is None


async def test_a_refusal_is_an_answer(throttle: Throttle) -> None:
    """Ours: who says no is up."""
    await fail(throttle, UnavailableError("down"), times=FAILURES_TO_OPEN - 1)
    await fail(throttle, NotFoundError("no"))
    await fail(throttle, UnavailableError("down"))
    assert throttle.note is None


async def test_nobody_waits_beyond_what_they_can(throttle: Throttle, clock: Clock) -> None:
    """Promised by design.md: retries happen inside a deadline; waiting for a turn counts."""
    await fail(throttle, RateLimitedError("slow", retry_after=300))
    with pytest.raises(RateLimitedError) as caught:
        async with throttle.slot(until=clock() + 90):
            pass
    assert caught.value.retry_after == 300
    assert clock.slept == []


async def test_who_slept_looks_again_before_going(clock: Clock) -> None:
    """Ours: a 429 that comes while somebody waits is meant for them, too."""
    throttle = Throttle(clock=clock, sleep=clock.sleep)
    async with throttle.slot():
        pass
    late = RateLimitedError("slow", retry_after=5)

    async def refused_meanwhile(seconds: float) -> None:
        await clock.sleep(seconds)
        if len(clock.slept) == 1:
            throttle._learn(late, clock())  # noqa: SLF001

    throttle = Throttle(clock=clock, sleep=refused_meanwhile)
    await fail(throttle, RateLimitedError("slow", retry_after=3))
    await ask(throttle)
    assert clock.slept == [3, 5]


async def test_a_walk_goes_on_where_convocore_slows_it_down() -> None:
    """Promised by design.md: one request waits and is repeated, the walk stands."""
    clock = Clock()
    sandbox = Sandbox(size=200, dialect="page", max_limit=20)
    sandbox.fail_next(429, headers={"Retry-After": "11"}, after=6)
    throttle = Throttle(clock=clock, sleep=clock.sleep)
    async with api_client(sandbox, throttle=throttle) as client:
        assert await found(client, sandbox) == truth(sandbox)
    assert clock.slept[0] == pytest.approx(11)
