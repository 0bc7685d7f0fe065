"""How fast Convocore may be asked: one rate limiter and one circuit breaker for all requests.

A healthy upstream is asked as fast as the walks want, a few requests at a time. A 429 makes
everybody wait; each one doubles the distance between requests, each success shortens it. Failures
in a row open the breaker: for a while every request fails at once, then a single one may try.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from convocore_mcp.errors import ApiError, RateLimitedError, UnavailableError

CONCURRENCY = 8
FIRST_GAP, WIDEST_GAP, CLOSED_GAP = 0.1, 5.0, 0.01
"""Seconds between requests: after the first 429, at most, and what counts as none."""
FAILURES_TO_OPEN = 12
REST = 30.0
"""Seconds for which an open breaker lets nothing through."""


class Pace:
    """Shared by all requests to one Convocore. `note` says what a reader of answers should know."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._not_before = 0.0
        self._gap = 0.0
        self._failures = 0
        self._open_until = 0.0
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
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place, and learn from how the request inside went.

        Raises:
            UnavailableError: the breaker is open; `retry_after` says for how long.
        """
        async with self._slots:
            await self._wait()
            try:
                yield
            except ApiError as error:
                self._learn(error)
                raise
            self._failures, self.trouble = 0, None
            self._gap = self._gap * 0.9 if self._gap > CLOSED_GAP else 0.0

    async def _wait(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._open_until:
            raise UnavailableError(
                "Convocore kept failing, so it is left alone for a moment.",
                hint="Try again in half a minute.",
                retry_after=round(self._open_until - now, 1),
            )
        if self._failures >= FAILURES_TO_OPEN:
            self._open_until = now + REST  # one may try; the others wait for how it goes
        start = max(now, self._not_before)
        self._not_before = start + self._gap
        if start > now:
            await asyncio.sleep(start - now)

    def _learn(self, error: ApiError) -> None:
        now = asyncio.get_running_loop().time()
        self.trouble = error
        if isinstance(error, RateLimitedError):
            self._gap = min(max(FIRST_GAP, self._gap * 2), WIDEST_GAP)
            self._not_before = max(self._not_before, now + (error.retry_after or self._gap))
        elif error.retryable:
            self._failures += 1
            if self._failures >= FAILURES_TO_OPEN:
                self._open_until = now + REST
        else:
            self._failures = 0  # a refusal is an answer: Convocore is up
