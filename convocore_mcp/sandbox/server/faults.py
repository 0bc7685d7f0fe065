"""Faults, and the queue in which they wait for list requests.

Only list requests meet faults. Each entry of the queue first lets `after` requests pass, then
affects `times` requests, then makes room for the next entry.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convocore_mcp.sandbox.server.responses import Response


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a request: a response of its own, or a change to the correct one."""

    response: Response | None = None
    delay: float = 0.0
    """Seconds."""
    truncate: bool = False
    empty: bool = False
    held: bool = False
    """Nothing is sent until the faults end."""
    held_mid_body: bool = False
    """Half of the body is sent; the rest follows when the faults end."""


@dataclass(slots=True)
class _Entry:
    fault: Fault
    times: int
    after: int


@dataclass(slots=True)
class FaultQueue:
    """The faults still to come."""

    _entries: deque[_Entry] = field(default_factory=deque)

    def add(self, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        """Put a fault at the end of the queue."""
        if times > 0:
            self._entries.append(_Entry(fault, times, after))

    def clear(self) -> None:
        """Forget the faults still to come."""
        self._entries.clear()

    def next(self) -> Fault:
        """The fault for the current request; mostly one that changes nothing."""
        if not self._entries:
            return Fault()
        entry = self._entries[0]
        if entry.after > 0:
            entry.after -= 1
            return Fault()
        entry.times -= 1
        if entry.times == 0:
            self._entries.popleft()
        return entry.fault
