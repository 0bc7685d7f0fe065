"""What a busy machine adds to the time that something takes."""

from contextlib import suppress
from pathlib import Path

THREADS = Path("/proc/self/task")


def seconds_without_a_processor() -> float:
    """How long threads of this process have been ready to run, while others had the processors.

    Next to nothing on a machine with nothing else to do; Linux alone tells it.
    """
    waited = 0
    for thread in THREADS.glob("*/schedstat"):
        with suppress(OSError):  # the thread has just ended
            waited += int(thread.read_text().split()[1])
    return waited / 1e9
