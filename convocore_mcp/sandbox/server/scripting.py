"""How a test asks for trouble: the fault methods of the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from convocore_mcp.sandbox.server.faults import (
    NOT_JSON,
    RESET,
    Fault,
    Script,
    encoded,
    failure,
    raw,
    zipped,
)

Alteration = Callable[[dict[str, Any], int], Any]


class Trouble:
    """Faults for list requests to come. Calls line up: the second starts when the first is done.

    Every method takes `times` (how many requests it meets) and `after` (how many pass before).
    """

    def __init__(self) -> None:
        self.on_request: list[Callable[[int], object]] = []
        self._script = Script()
        self._alteration: Alteration | None = None
        self._generation = 0

    def alter_page(self, alteration: Alteration | None) -> None:
        """Rewrite every envelope before it is sent, given it and the request's number.

        What `alteration` returns is sent; None means that it changed the envelope in place.
        `alter_page(None)` ends it.
        """
        self._alteration = alteration

    def fail_next(
        self,
        status: int,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | dict[str, Any] | None = None,
        times: int = 1,
        after: int = 0,
    ) -> None:
        """Answer with `status`, and with the documented error unless `body` is given."""
        if body is None:
            answer = failure(status, headers=headers)
        elif isinstance(body, bytes):
            answer = raw(status, headers, body)
        else:
            answer = encoded(body, status, headers)
        self._script.add(Fault(answer=answer), times=times, after=after)

    def respond_next(
        self,
        status: int,
        headers: Mapping[str, str] | None,
        body: bytes,
        *,
        times: int = 1,
        after: int = 0,
    ) -> None:
        """Answer with these bytes under these headers, whatever they are."""
        self._script.add(Fault(answer=raw(status, headers, body)), times=times, after=after)

    def truncate_next(self, *, times: int = 1, after: int = 0) -> None:
        """Announce the whole body, send half, close. Needs a socket (`serving`)."""
        self._script.add(Fault(truncate=True), times=times, after=after)

    def reset_next(self, *, times: int = 1, after: int = 0) -> None:
        """Reset the connection instead of answering. Needs a socket (`serving`)."""
        self._script.add(Fault(answer=RESET), times=times, after=after)

    def garbage_next(self, *, times: int = 1, after: int = 0) -> None:
        """Answer 200 with a page of HTML, as a proxy does."""
        self._script.add(Fault(answer=NOT_JSON), times=times, after=after)

    def gzip_next(self, size: int, *, times: int = 1, after: int = 0) -> None:
        """Answer with an empty page, compressed, of `size` bytes when decompressed."""
        self._script.add(Fault(answer=zipped(size)), times=times, after=after)

    def redirect_next(
        self, location: str, *, status: int = 307, times: int = 1, after: int = 0
    ) -> None:
        """Send the caller to `location`."""
        answer = raw(status, {"location": location}, b"")
        self._script.add(Fault(answer=answer), times=times, after=after)

    def delay_next(self, seconds: float, *, times: int = 1, after: int = 0) -> None:
        """Answer rightly, but `seconds` late."""
        self._script.add(Fault(delay=seconds), times=times, after=after)

    def empty_next(self, *, times: int = 1, after: int = 0) -> None:
        """Answer without rows. In the cursor dialect the next cursor leads to the same place
        (under another name), so nothing is lost; in the page dialect that page's rows are.
        """
        self._script.add(Fault(empty=True), times=times, after=after)

    def expire_cursors(self) -> None:
        """Refuse every cursor given out so far: 400, speaking of the cursor."""
        self._generation += 1
