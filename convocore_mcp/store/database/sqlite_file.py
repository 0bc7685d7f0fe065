"""A mirror in a private SQLite file: opened if it is ours and undamaged, else set aside."""

import logging
import operator
import os
import re
import sqlite3
import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from convocore_mcp.errors import ForeignMirrorError, MirrorError

log = logging.getLogger(__name__)

SUFFIXES = ("", "-wal", "-shm")
LARGEST_CHECKED = 64 * 2**20
"""Bytes: a file up to this size is checked before it is used, which takes 0.1 seconds."""
DAMAGE = frozenset({11, 26})
"""SQLite's error codes for "malformed" and "not a database"."""
_DAMAGE_AT_OPENING = DAMAGE | {1, 8}
"""When opening, a missing column and a header that forbids writing are damage too."""
_ATTEMPTS = 3
_SET_ASIDE = re.compile(r"\.aside-\d{8}T\d{12}")
KEPT_COPIES = 3
"""Copies of one mirror that are kept when they are set aside; older ones are deleted."""
_SCANNED = 2**20
"""Bytes of a file in which the name of our first table stands, if it was a mirror."""
FOREIGN = "it belongs to another key or region"
DAMAGED = "it is damaged"
"""Reasons why a mirror can't be used."""


class _DamageError(Exception):
    """SQLite opens the file but finds it inconsistent."""


def open_file(
    path: Path, *, prepare: Callable[[Engine], tuple[str, str]], replace_foreign: bool
) -> tuple[Engine, str]:
    """The engine and the generation of the mirror at `path`, or of a new one in its place.

    `prepare` creates missing tables; it returns the generation, and why a file can't be used
    (empty if it can). `replace_foreign` also sets aside the mirror of another key or region.

    Raises:
        ForeignMirrorError: the mirror belongs to another key or region.
        MirrorError: the file can't be created.
        DatabaseError: the file can't be used, and a new file would not help.
    """
    for _ in range(_ATTEMPTS):
        inode = _create_private(path)
        engine = sqlite(str(path))
        try:
            _check(engine, path)
            generation, unusable = prepare(engine)
        except DBAPIError as error:
            engine.dispose()
            if not is_damage(error, codes=_DAMAGE_AT_OPENING):
                raise
            unusable = DAMAGED
        except _DamageError:
            unusable = DAMAGED
        if not unusable:
            return engine, generation
        engine.dispose()
        if unusable == FOREIGN and not replace_foreign:
            raise ForeignMirrorError(
                "The mirror belongs to another key or region.",
                hint="Check CONVOCORE_API_KEY and CONVOCORE_REGION, or set CONVOCORE_STORE to "
                "another file. Nothing was changed.",
            )
        _set_aside(path, inode, unusable)
    raise MirrorError("The mirror can't be created.", hint="Set CONVOCORE_STORE=memory.")


def is_damage(error: BaseException | None, *, codes: frozenset[int] = DAMAGE) -> bool:
    """Whether `error` says that the file is not an intact SQLite database, or lacks a table."""
    cause = getattr(error, "orig", None)
    code = getattr(cause, "sqlite_errorcode", None)
    return (code is not None and code & 0xFF in codes) or str(cause).startswith(
        ("Could not decode to UTF-8", "no such table:")
    )


# The driver searches for a way to store each value that is no number or text. Most values of a row
# are missing, so that is a quarter of the time that SQLite takes. These change no value.
sqlite3.register_adapter(NoneType, dict[None, None]().get)
sqlite3.register_adapter(bool, operator.truth)


def sqlite(database: str, **options: Any) -> Engine:
    """An engine on a SQLite file."""
    url = URL.create("sqlite", database=database)
    engine = create_engine(url, connect_args={"check_same_thread": False}, **options)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we send BEGIN ourselves, see below
        for pragma in (
            "busy_timeout=15000",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "wal_autocheckpoint=4000",
            "temp_store=MEMORY",
            "cache_size=-32000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that will write takes the lock at its start: SQLite would refuse a later
        # upgrade from reading to writing instead of waiting for the lock.
        writing = connection.get_execution_options().get("convocore_writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _create_private(path: Path) -> int:
    """Create the file if it is missing, readable by its owner only; returns its inode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        for suffix in SUFFIXES:
            file = path.with_name(path.name + suffix)
            if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
                file.chmod(0o600)
        return path.stat().st_ino
    except OSError as error:
        raise MirrorError(
            f"The mirror's file can't be created ({error.strerror}).",
            hint="Set CONVOCORE_STORE to a file in a folder you can write to, or to memory.",
        ) from None


def _check(engine: Engine, path: Path) -> None:
    if path.stat().st_size > LARGEST_CHECKED:
        return
    with engine.connect() as connection:
        result = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if result != "ok":
        raise _DamageError


def _set_aside(path: Path, inode: int, reason: str) -> None:
    aside = path.with_name(f"{path.name}.aside-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    with suppress(FileNotFoundError):  # another process has renamed it already
        if path.stat().st_ino == inode:
            path.rename(aside)
            for suffix in SUFFIXES[1:]:
                with suppress(FileNotFoundError):
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
            return b"CREATE TABLE convocore_meta" in content.read(_SCANNED)
    except OSError:
        return False
