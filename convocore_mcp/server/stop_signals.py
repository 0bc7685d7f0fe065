"""The signals that ask the process to end: all of them let calls finish."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")
"""Windows has no SIGHUP; SIGBREAK exists only there. SIGHUP: the terminal was closed."""
STOP_SIGNALS = frozenset(
    signal.Signals[name] for name in _NAMES if name in signal.Signals.__members__
)


@contextmanager
def on_stop_signal(handle: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Have `handle` called at each of the signals. A signal that was ignored stays ignored (nohup).

    The event loop's own way does not exist on Windows: `add_signal_handler` raises there. Call it
    in the main thread.
    """
    chosen = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in chosen}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
