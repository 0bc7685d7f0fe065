"""Progress on stderr."""

import sys
import time

REPORT_SECONDS = 10.0
"""Seconds between two lines."""


def report(text: str) -> None:
    """Write a line to stderr."""
    print(text, file=sys.stderr, flush=True)


class ProgressReport:
    """Reports from time to time how many of `total` rows are done."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total = what, total
        self._began = self._reported_at = time.perf_counter()

    def update(self, done: int) -> None:
        """Report, if the last report is long enough ago."""
        now = time.perf_counter()
        if now - self._reported_at < REPORT_SECONDS:
            return
        self._reported_at = now
        rate = done / (now - self._began)
        left = max(0, self._total - done) / rate if rate else 0
        share = 100 * done / self._total
        report(f"  {self._what}: {done:,} rows ({share:.0f} %), {rate:,.0f}/s, {left:.0f} s left")
