"""The time at which a call must have its answer, whatever delays it."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from convocore_mcp.errors import MirrorError

MIN_SECONDS = 3.0
"""The least time that the mirror gets, even if a setting asks for answers without any waiting."""
MIN_SECONDS_WHEN_PATIENT = 20.0
"""The same for a client that asked for progress."""
ANSWER_MARGIN_SECONDS = 0.8
"""How late an answer may be before it is given up."""


class Deadline:
    """The moment at which a call is given up."""

    def __init__(self, seconds: float, *, patient: bool, since: float) -> None:
        """`since` is when the call arrived, by the clock of the event loop."""
        usual = max(seconds, MIN_SECONDS)
        self._at = (
            since
            + (max(usual, MIN_SECONDS_WHEN_PATIENT) if patient else usual)
            + ANSWER_MARGIN_SECONDS
        )

    @contextmanager
    def enforced(self, *, opening: bool = False) -> Iterator[None]:
        """Give up what the block waits for; `opening` says that it opens the mirror.

        Raises:
            MirrorError: it was given up. Only a slow mirror can take this long: requests to
                Convocore have shorter limits of their own.
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
