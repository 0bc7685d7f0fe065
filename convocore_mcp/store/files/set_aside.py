"""Setting a file aside that can't be used: it is renamed, and a new one takes its place."""

import logging
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from convocore_mcp.errors import MirrorError

log = logging.getLogger(__name__)

SUFFIXES = ("", "-wal", "-shm", "-journal")
"""The files of a mirror; the last one only where there is no shared memory."""
_SET_ASIDE = re.compile(r"\.aside-\d{8}T\d{12}")
KEPT_COPIES = 3
"""Copies of one mirror that are kept when they are set aside; older ones are deleted."""
_SCANNED_BYTES = 2**20
"""Bytes of a file in which the name of our first table stands, if it was a mirror."""


def set_aside(path: Path, inode: int, reason: str) -> None:
    """Rename the file at `path`, if it is still the one with that inode, and its logs with it.

    Raises:
        MirrorError: it can't be renamed.
    """
    aside = path.with_name(f"{path.name}.aside-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    try:
        if path.stat().st_ino != inode:
            return
        path.rename(aside)
    except FileNotFoundError:  # another process has renamed it already
        return
    except PermissionError:  # Windows does not rename a file that is open
        raise MirrorError(
            f"The mirror can't be used: {reason}. It can't be set aside either: its folder is "
            "read-only, or another program has the file open.",
            hint="Stop the other programs that use it, or set CONVOCORE_STORE to another file.",
        ) from None
    for suffix in SUFFIXES[1:]:
        with suppress(OSError):  # a log without its database is never read
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    log.warning("The mirror was set aside as %s: %s.", aside.name, reason)
    delete_old_copies(path)


def copies(path: Path) -> list[Path]:
    """The copies of the mirror at `path` that were set aside, oldest first."""
    if not path.parent.is_dir():
        return []
    return sorted(
        file
        for file in path.parent.iterdir()
        if file.name.startswith(path.name) and _SET_ASIDE.fullmatch(file.name[len(path.name) :])
    )


def delete_old_copies(path: Path) -> None:
    """Delete all but the newest copies: each can be as large as the mirror.

    A file that was never a mirror stays: CONVOCORE_STORE may have named it by mistake.
    """
    ours = [copy for copy in copies(path) if _was_mirror(copy)]
    for copy in ours[:-KEPT_COPIES]:
        for suffix in SUFFIXES:
            # Another process may do the same, or use the copy; the next time will do.
            with suppress(OSError):
                copy.with_name(copy.name + suffix).unlink()


def _was_mirror(file: Path) -> bool:
    """Whether `file` is a mirror, also a damaged one."""
    try:
        with file.open("rb") as content:
            return b"CREATE TABLE convocore_meta" in content.read(_SCANNED_BYTES)
    except OSError:
        return False
