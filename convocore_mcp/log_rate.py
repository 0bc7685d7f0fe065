"""Limits how many log lines of one kind are written: a client must not fill a disk with errors.

A kind is the place in the code that logs, because some libraries write each message differently.
The limit holds for warnings, errors and records with the attribute `LIMITED`: lines that any client
can cause.
"""

import logging
import time
from collections.abc import Callable

MAX_LINES = 30
"""Lines of one kind that are written within `WINDOW_SECONDS`; the others are counted."""
WINDOW_SECONDS = 60.0
"""After this time, as many lines may be written again."""
LIMITED = "limited"
"""The attribute of a record below the level of a warning that is limited, too."""


class LogRate(logging.Filter):
    """Lets through `MAX_LINES` records of each kind in each window of time.

    The first record of the next window tells how many were left out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.levelno < logging.WARNING and not getattr(record, LIMITED, False):
            return True
        kind, now = (record.pathname, record.lineno), self._clock()
        begun, count = self._windows.get(kind, (now, 0))
        left_out = max(0, count - MAX_LINES)
        if now - begun >= WINDOW_SECONDS:
            begun, count = now, 0
            if left_out:
                record.msg = f"{record.getMessage()} ({left_out} more were left out)"
                record.args = ()
        self._windows[kind] = begun, count + 1
        return count < MAX_LINES
