"""The methods of the sandbox with which a test injects faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio

from convocore_mcp.sandbox.server.faults import Fault, FaultQueue
from convocore_mcp.sandbox.server.responses import (
    NOT_JSON,
    RESET,
    Response,
    error_response,
    gzip_response,
    json_response,
    raw_response,
)

_LOOK_SECONDS = 0.01
"""How often a held response looks whether the faults have ended, which another thread may do."""
Alteration = Callable[[dict[str, Any], int], Any]
"""Gets a page's body and the number of the list request; see `alter_page`."""


class FaultInjection:
    """Faults for the coming list requests. They queue: the second starts when the first is done.

    Every method takes `times` (how many requests it affects) and `after` (how many pass before).
    """

    def __init__(self) -> None:
        self.on_request: list[Callable[[int], object]] = []
        self._faults = FaultQueue()
        self._alteration: Alteration | None = None
        self._generation = 0
        self._ended_faults = 0

    def end_faults(self) -> None:
        """Respond correctly from now on: no fault is left, and what was held is sent."""
        self._faults.clear()
        self._alteration = None
        self._ended_faults += 1

    def alter_page(self, alteration: Alteration | None) -> None:
        """Change the body of every page before it is sent.

        `alteration` returns the new body, or None if it changed the given one in place.
        `alter_page(None)` stops it.
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
        """Respond with `status`, and with the documented error unless `body` is given."""
        if body is None:
            response = error_response(status, headers=headers)
        elif isinstance(body, bytes):
            response = raw_response(status, headers, body)
        else:
            response = json_response(body, status, headers)
        self._faults.add(Fault(response=response), times=times, after=after)

    def respond_next(
        self,
        status: int,
        headers: Mapping[str, str] | None,
        body: bytes,
        *,
        times: int = 1,
        after: int = 0,
    ) -> None:
        """Respond with these bytes under these headers, whatever they are."""
        response = raw_response(status, headers, body)
        self._faults.add(Fault(response=response), times=times, after=after)

    def truncate_next(self, *, times: int = 1, after: int = 0) -> None:
        """Announce the whole body, send half of it, close. Needs a socket (`serving`)."""
        self._faults.add(Fault(truncate=True), times=times, after=after)

    def reset_next(self, *, times: int = 1, after: int = 0) -> None:
        """Reset the connection instead of responding. Needs a socket (`serving`)."""
        self._faults.add(Fault(response=RESET), times=times, after=after)

    def garbage_next(self, *, times: int = 1, after: int = 0) -> None:
        """Respond 200 with an HTML page, as a proxy does."""
        self._faults.add(Fault(response=NOT_JSON), times=times, after=after)

    def gzip_next(self, size: int, *, times: int = 1, after: int = 0) -> None:
        """Respond with a compressed empty page of `size` bytes after decompression."""
        self._faults.add(Fault(response=gzip_response(size)), times=times, after=after)

    def redirect_next(
        self, location: str, *, status: int = 307, times: int = 1, after: int = 0
    ) -> None:
        """Redirect the client to `location`."""
        response = raw_response(status, {"location": location}, b"")
        self._faults.add(Fault(response=response), times=times, after=after)

    def delay_next(self, seconds: float, *, times: int = 1, after: int = 0) -> None:
        """Respond correctly, but `seconds` late."""
        self._faults.add(Fault(delay=seconds), times=times, after=after)

    def hold_next(self, *, amid_body: bool = False, times: int = 1, after: int = 0) -> None:
        """Send nothing until `end_faults`; with `amid_body`, half of the body before."""
        fault = Fault(held_mid_body=True) if amid_body else Fault(held=True)
        self._faults.add(fault, times=times, after=after)

    def bytes_next(self, data: bytes, *, times: int = 1, after: int = 0) -> None:
        """Send these bytes instead of an HTTP response, and close. Needs a socket (`serving`)."""
        response = Response(0, data, (), is_raw=True)
        self._faults.add(Fault(response=response), times=times, after=after)

    def empty_next(self, *, times: int = 1, after: int = 0) -> None:
        """Respond without rows.

        In the cursor dialect the next cursor leads to the same rows, so none is lost. In the page
        dialect the rows of that page are lost.
        """
        self._faults.add(Fault(empty=True), times=times, after=after)

    def expire_cursors(self) -> None:
        """Refuse every cursor handed out so far, with a 400 that names the cursor."""
        self._generation += 1

    async def _faults_ended(self) -> None:
        """Wait until somebody ends the faults."""
        seen = self._ended_faults
        while seen == self._ended_faults:  # noqa: ASYNC110  another thread ends them
            await anyio.sleep(_LOOK_SECONDS)
