"""When a call must have its answer, whatever holds it up."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from convocore_mcp.errors import MirrorError

SHORTEST = 3.0
"""Seconds that the mirror gets in any case: a setting may ask for answers without any waiting."""
LONGEST = 20.0
"""Seconds for a client that asked for progress."""
LAST_MOMENT = 0.8
"""Seconds that an answer may be late before it is given up."""


class Deadline:
    """The moment at which a call is given up."""

    def __init__(self, seconds: float, *, patient: bool, since: float) -> None:
        """`since` is when the call arrived, by the clock of the event loop."""
        usual = max(seconds, SHORTEST)
        self._at = since + (max(usual, LONGEST) if patient else usual) + LAST_MOMENT

    @contextmanager
    def enforced(self, *, opening: bool = False) -> Iterator[None]:
        """Give up what the block waits for; `opening` says that it opens the mirror.

        Raises:
            MirrorError: it was given up. All that is waited for so long is the mirror: waiting for
                Convocore has limits of its own.
        """
        with anyio.CancelScope(deadline=self._at) as scope:
            yield
        if scope.cancelled_caught:
            raise MirrorError(
                "The mirror is still being opened."
                if opening
                else "The mirror has not answered in time.",
                # The waiting may as well be for a processor: that looks the same from here.
                hint="Ask again: this computer or the database may only be busy. If it persists, "
                "check the computer's load, and whether the database or its disk is slow, stopped, "
                "or locked by another process.",
                retry_after=5,
            )
