"""Splits what arrives on stdin into lines, and keeps no more of a line than may be read.

The beginning and the end of a line that is too long are kept: the request's ID stands in one of
them, because some clients write it first and others last.
"""

from collections.abc import Iterator
from dataclasses import dataclass

MAX_LINE_BYTES = 1_000_000
"""As much as a request over HTTP may have."""
KEPT_BYTES = 64 * 1024
"""Bytes that are kept of a line that is too long, at each end."""


@dataclass(frozen=True, slots=True)
class LongLine:
    """A line that is too long to be read."""

    beginning: bytes
    end: bytes


class LineSplitter:
    """Receives bytes in pieces, and yields the complete lines, without line ends."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._beginning = b""

    @property
    def kept_bytes(self) -> int:
        """How much of an unfinished line is in memory."""
        return sum(map(len, self._pieces)) + len(self._beginning)

    def feed(self, data: bytes) -> Iterator[bytes | LongLine]:
        """Yield the lines that `data` completes."""
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._add(piece)
            yield self._take()
        self._add(rest)

    def last_line(self) -> bytes | LongLine:
        """The line at the end of the input, which no line end follows; perhaps empty."""
        return self._take()

    def _add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > self._max_bytes:
            so_far = b"".join(self._pieces)
            self._beginning = self._beginning or so_far[:KEPT_BYTES]
            self._pieces = [so_far[-KEPT_BYTES:]]

    def _take(self) -> bytes | LongLine:
        line, beginning = b"".join(self._pieces), self._beginning
        self._pieces, self._size, self._beginning = [], 0, b""
        return LongLine(beginning, line[-KEPT_BYTES:]) if beginning else line
