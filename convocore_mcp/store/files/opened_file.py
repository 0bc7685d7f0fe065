"""Whether a mirror's file is still the one that was opened.

SQLite does not ask: it would go on with a file that nobody else can find any more, or read pages of
the old file from its cache beside pages of the new one.
"""

import os
import threading
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from convocore_mcp.errors import MirrorError

_MAGIC, _APPLICATION_ID = slice(0, 16), slice(68, 72)
"""Where the header of a SQLite file says what it is, and of which mirror (`application_id`)."""
_HEADER_BYTES = 72
_SQLITE = b"SQLite format 3\0"


def refuse_other_than_file(path: Path) -> None:
    """Raises:
    MirrorError: `path` is a folder, a device or a pipe. It is none of ours, so it stays as it is.
    """
    if path.exists() and not path.is_file():
        raise MirrorError(
            "CONVOCORE_STORE names a folder or a device, so no mirror can be there.",
            hint="Set CONVOCORE_STORE to a file, e.g. mirror.db in that folder.",
        )


class FileProblem(Enum):
    """What has happened to the file."""

    GONE = "its file was deleted or replaced"
    """There is no file of that name any more, or another one."""
    OVERWRITTEN = "its file was overwritten"
    """It is the same file, but shorter, or with a header that is not ours."""


class _FileId(NamedTuple):
    device: int
    inode: int


class _Descriptors:
    """One descriptor for each file, which stays open as long as anybody needs it.

    A process that closes any descriptor of a file loses all its locks on that file, SQLite's too.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[_FileId, tuple[int, int]] = {}

    def open(self, path: Path, identity: _FileId) -> int:
        """A descriptor of the file; -1 if `path` is another file by now."""
        with self._lock:
            descriptor, users = self._open.get(identity, (-1, 0))
            if not users:
                descriptor = os.open(path, os.O_RDONLY)
                if _identity(os.fstat(descriptor)) != identity:
                    os.close(descriptor)
                    return -1
            self._open[identity] = descriptor, users + 1
            return descriptor

    def close(self, identity: _FileId) -> None:
        """Give a descriptor back."""
        with self._lock:
            descriptor, users = self._open.pop(identity)
            if users > 1:
                self._open[identity] = descriptor, users - 1
            else:
                os.close(descriptor)


_descriptors = _Descriptors()


class OpenedFile:
    """The file at `path` as it was opened."""

    def __init__(self, path: Path) -> None:
        """Raises:
        OSError: the file can't be read.
        """
        state = path.stat()
        self._path = path
        self._identity = _identity(state)
        self._size = state.st_size
        # Held for a whole check: compared with what another thread has seen meanwhile, an older
        # size would be that of a file which got smaller.
        self._lock = threading.RLock()
        self._descriptor = -1
        self._header: tuple[bytes, bytes] | None = None
        self._header_with_id: tuple[bytes, bytes] | None = None
        """The header that SQLite will write once `application_id` is set (`remember_header`)."""

    @property
    def inode(self) -> int:
        """The number of the file in its file system."""
        return self._identity.inode

    def problem(self) -> FileProblem | None:
        """What has happened to the file since it was opened, or `None`. Takes microseconds."""
        with self._lock:
            return self._problem()

    def _problem(self) -> FileProblem | None:
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return FileProblem.GONE
        except OSError:  # the next SQL statement will report the error
            return None
        if _identity(state) != self._identity or not (self._header is None or self._open()):
            return FileProblem.GONE
        other_header = self._header is not None and not self._has_our_header()
        if other_header or state.st_size < self._size:  # we never make a file smaller
            return FileProblem.OVERWRITTEN
        self._size = state.st_size
        return None

    def remember_header(self, number: int | None = None) -> None:
        """From now on the header must stay as it is, or get this `application_id`.

        While another connection is active, SQLite writes the header only at the next WAL
        checkpoint; until then both headers are accepted.
        """
        if number is not None:
            self._header_with_id = _SQLITE, number.to_bytes(4, signed=True)
        if self._open():
            self._header = self._read_header()

    def close(self, _engine: object = None) -> None:
        """Give the descriptor back; `problem` gets another one."""
        with self._lock:
            if self._descriptor >= 0:
                _descriptors.close(self._identity)
                self._descriptor = -1

    def _open(self) -> bool:
        with self._lock:
            if self._descriptor < 0:
                self._descriptor = _descriptors.open(self._path, self._identity)
            return self._descriptor >= 0

    def _has_our_header(self) -> bool:
        header = self._read_header()
        if header == self._header_with_id:
            self._header = header
        return header == self._header

    def _read_header(self) -> tuple[bytes, bytes] | None:
        if not hasattr(os, "pread"):  # Windows, where nobody can replace a file that is open
            return None
        with self._lock:
            header = os.pread(self._descriptor, _HEADER_BYTES, 0)
        return header[_MAGIC], header[_APPLICATION_ID]


def _identity(state: os.stat_result) -> _FileId:
    return _FileId(state.st_dev, state.st_ino)


def application_id(generation: str) -> int | None:
    """The `application_id` of a mirror: its generation as a number; `None` if that is none."""
    with suppress(ValueError):
        number = bytes.fromhex(generation)
        if len(number) == 4 and any(number):
            return int.from_bytes(number, signed=True)
    return None
