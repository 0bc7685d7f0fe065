"""What is told on stderr while something takes long."""

import sys
import time

EVERY = 10.0
"""Seconds between two lines."""


def say(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


class Tally:
    """Tells now and then how many of `total` rows are done."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._began = self._told = time.perf_counter()

    def at(self, done: int) -> None:
        """So many are done."""
        now = time.perf_counter()
        if now - self._told < EVERY:
            return
        self._told = now
        rate = done / (now - self._began)
        left = max(0, self._total - done) / rate if rate else 0
        share = 100 * done / self._total
        say(f"  {self._what}: {done:,} rows ({share:.0f} %), {rate:,.0f}/s, {left:.0f} s left")
