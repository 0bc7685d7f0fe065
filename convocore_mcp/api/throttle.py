"""How fast requests are sent to Convocore, and when a failed request is retried.

One rate limiter and one circuit breaker serve all requests. While Convocore is healthy, requests
start at once, up to `CONCURRENCY` at a time. A 429 makes every request wait; each 429 doubles the
interval between requests, and each success shortens it. Consecutive failures open the breaker: for
a while every request fails at once, then a single one may try. Requests that were under way at the
same time count once when they are refused or fail.
"""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from convocore_mcp.errors import ApiError, RateLimitedError, UnavailableError

CONCURRENCY = 8
FIRST_INTERVAL, MAX_INTERVAL, MIN_INTERVAL = 0.1, 5.0, 0.01
"""Seconds between two requests: after the first 429, and at most. An interval below the minimum
counts as none."""
FAILURES_TO_OPEN = 12
OPEN_SECONDS = 30.0
"""How long an open breaker lets no request through."""


class Throttle:
    """The rate limiter and circuit breaker that all requests to one Convocore share."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.clock = clock
        self._sleep = sleep
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._not_before = -math.inf
        self._interval = 0.0
        self._failures = 0  # consecutive ones
        self._open_until = -math.inf
        self._failed_at = -math.inf
        self.last_error: ApiError | None = None
        """The newest failure, if no request has succeeded since."""

    @property
    def note(self) -> str | None:
        """One sentence on why reading is slow or has stopped; `None` if it is not."""
        if self._failures >= FAILURES_TO_OPEN:
            return "Convocore keeps failing; it is asked only now and then."
        if self._interval:
            return (
                f"Convocore asked us to slow down; a request every {self._interval:.1f} s at most."
            )
        return None

    @asynccontextmanager
    async def slot(self, *, until: float = math.inf) -> AsyncIterator[None]:
        """Wait until a request may be sent, and learn from the result of the request inside.

        `until` is a time of `clock`. Both errors carry the time to wait in `retry_after`.

        Raises:
            RateLimitedError: Convocore asked us to wait longer than `until`.
            UnavailableError: the breaker is open.
        """
        async with self._slots:
            await self._wait(until)
            started_at = self.clock()
            try:
                yield
            except ApiError as error:
                self._record_failure(error, started_at)
                raise
            except asyncio.CancelledError:
                self._open_until = -math.inf  # if this was the single try, another one may follow
                raise
            self._failures, self._open_until, self.last_error = 0, -math.inf, None
            self._interval = self._interval * 0.9 if self._interval > MIN_INTERVAL else 0.0

    async def _wait(self, until: float) -> None:
        # The time is checked again after each pause, because another request may have started or
        # may have been refused meanwhile.
        while (pause := self._not_before - self.clock()) > 0:
            if self._not_before > until:
                raise RateLimitedError(
                    "Convocore asked us to slow down.",
                    hint="Wait, then try again. The mirror still answers meanwhile.",
                    retry_after=pause,
                )
            await self._sleep(pause)
        now = self.clock()
        if now < self._open_until:
            raise UnavailableError(
                "Convocore failed repeatedly, so requests to it are paused.",
                hint="Try again in half a minute.",
                retry_after=self._open_until - now,
            )
        if self._failures >= FAILURES_TO_OPEN:
            self._open_until = now + OPEN_SECONDS  # only this request tries; others wait for it
        self._not_before = now + self._interval

    def _record_failure(self, error: ApiError, started_at: float) -> None:
        if not error.retryable:
            self._failures, self._open_until = 0, -math.inf  # Convocore answered, so it is up
            return
        now, self.last_error = self.clock(), error
        # A request that was already under way at the last failure does not count again.
        is_new = started_at >= self._failed_at
        if isinstance(error, RateLimitedError):
            if is_new:
                self._interval = min(max(FIRST_INTERVAL, self._interval * 2), MAX_INTERVAL)
            self._not_before = max(self._not_before, now + (error.retry_after or self._interval))
        elif is_new:
            self._failures += 1
            if self._failures >= FAILURES_TO_OPEN:
                self._open_until = now + OPEN_SECONDS
        self._failed_at = now


class Backoff:
    """Decides when one request is retried: exponential backoff with full jitter, or `Retry-After`.

    All times are in seconds. A request is not retried beyond its deadline.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        deadline: float,
        first_wait: float,
        max_wait: float,
    ) -> None:
        self._clock = clock
        self._first_wait = first_wait
        self._max_wait = max_wait
        self._retries = 0
        self.deadline = clock() + deadline
        """A time of `clock`."""

    @property
    def remaining(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self.deadline - self._clock())

    def __call__(self, error: Exception) -> bool | float:
        """Seconds to wait before the next attempt; `False` for no further attempt."""
        if not isinstance(error, ApiError) or not error.retryable:
            return False
        longest = min(self._first_wait * 2**self._retries, self._max_wait)
        self._retries += 1
        wait = error.retry_after
        if wait is None:
            wait = random.uniform(0, longest)  # noqa: S311  jitter needs no secrecy
        return wait if wait < self.remaining else False
