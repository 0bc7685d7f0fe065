"""How fast Convocore may be asked: one rate limiter and one circuit breaker for all requests.

A healthy upstream is asked as fast as the walks want, a few requests at a time. A 429 makes
everybody wait; each one doubles the distance between requests, each success shortens it. Failures
in a row open the breaker: for a while every request fails at once, then a single one may try.
Requests that were under way together count once, whether they were refused or failed.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from convocore_mcp.errors import ApiError, RateLimitedError, UnavailableError

CONCURRENCY = 8
FIRST_GAP, WIDEST_GAP, CLOSED_GAP = 0.1, 5.0, 0.01
"""Seconds between requests: after the first 429, at most, and what counts as none."""
FAILURES_TO_OPEN = 12
REST = 30.0
"""Seconds for which an open breaker lets nothing through."""


class Throttle:
    """Shared by all requests to one Convocore. `note` says what a reader of answers should know."""

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
        self._gap = 0.0
        self._failures = 0
        self._open_until = -math.inf
        self._learned_at = -math.inf
        self.trouble: ApiError | None = None
        """The newest failure, if nothing has succeeded since."""

    @property
    def note(self) -> str | None:
        """In one sentence, why reading is slow or has stopped; `None` when all is well."""
        if self._failures >= FAILURES_TO_OPEN:
            return "Convocore keeps failing; it is asked only now and then."
        if self._gap:
            return f"Convocore asked us to slow down; a request every {self._gap:.1f} s at most."
        return None

    @asynccontextmanager
    async def slot(self, *, until: float = math.inf) -> AsyncIterator[None]:
        """Wait for a place, and learn from how the request inside went.

        Raises:
            RateLimitedError: Convocore wants us to wait beyond `until`.
            UnavailableError: the breaker is open. Both say for how long in `retry_after`.
        """
        async with self._slots:
            await self._wait(until)
            began = self.clock()
            try:
                yield
            except ApiError as error:
                self._learn(error, began)
                raise
            except asyncio.CancelledError:
                self._open_until = -math.inf  # if this was the one that tried, another may
                raise
            self._failures, self._open_until, self.trouble = 0, -math.inf, None
            self._gap = self._gap * 0.9 if self._gap > CLOSED_GAP else 0.0

    async def _wait(self, until: float) -> None:
        # Asked again after each pause: meanwhile somebody else may have gone, or been refused.
        while (pause := self._not_before - self.clock()) > 0:
            if self._not_before > until:
                raise RateLimitedError(
                    "Convocore asked us to slow down.",
                    hint="Wait, then ask again; answers from the mirror go on meanwhile.",
                    retry_after=pause,
                )
            await self._sleep(pause)
        now = self.clock()
        if now < self._open_until:
            raise UnavailableError(
                "Convocore kept failing, so it is left alone for a moment.",
                hint="Try again in half a minute.",
                retry_after=self._open_until - now,
            )
        if self._failures >= FAILURES_TO_OPEN:
            self._open_until = now + REST  # this one tries; the others wait for how it goes
        self._not_before = now + self._gap

    def _learn(self, error: ApiError, began: float) -> None:
        if not error.retryable:
            self._failures, self._open_until = 0, -math.inf  # a refusal is an answer: it is up
            return
        now, self.trouble = self.clock(), error
        changed_since = (
            began >= self._learned_at
        )  # else it was under way when the last failure came
        if isinstance(error, RateLimitedError):
            if changed_since:
                self._gap = min(max(FIRST_GAP, self._gap * 2), WIDEST_GAP)
            self._not_before = max(self._not_before, now + (error.retry_after or self._gap))
        elif changed_since:
            self._failures += 1
            if self._failures >= FAILURES_TO_OPEN:
                self._open_until = now + REST
        self._learned_at = now
