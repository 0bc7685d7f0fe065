"""A mirror in a private SQLite file: opened if it is ours and whole, else set aside."""

import logging
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from convocore_mcp.errors import MirrorError

log = logging.getLogger(__name__)

SUFFIXES = ("", "-wal", "-shm")
CHECKED = 64 * 2**20
"""Bytes of a file that is checked as a whole before it is used, in a tenth of a second."""
DAMAGE = frozenset({11, 26})
"""SQLite's codes for "malformed" and "not a database"."""
_UNFIT = DAMAGE | {1, 8}
"""When opening, a missing column and a header that forbids writing are damage too."""
_TRIES = 3


class _DamageError(Exception):
    """SQLite opens the file, but finds it inconsistent."""


def open_file(path: Path, *, begin: Callable[[Engine], tuple[str, str]]) -> tuple[Engine, str]:
    """The engine and the epoch of the mirror at `path`, or of a new one in its place.

    `begin` makes the tables that are missing; it gives the epoch, and why a file is unfit.

    Raises:
        MirrorError: the file can't be made.
        DatabaseError: it can't be used, for a reason that a new file would not mend.
    """
    for _ in range(_TRIES):
        which = _made_private(path)
        engine = sqlite(str(path))
        try:
            _check(engine, path)
            generation, unfit = begin(engine)
        except DBAPIError as error:
            engine.dispose()
            if not damaged(error, codes=_UNFIT):
                raise
            unfit = "it is damaged"
        except _DamageError:
            unfit = "it is damaged"
        if not unfit:
            return engine, generation
        engine.dispose()
        _set_aside(path, which, unfit)
    raise MirrorError("The mirror can't be begun.", hint="Set CONVOCORE_STORE=memory.")


def damaged(error: BaseException | None, *, codes: frozenset[int] = DAMAGE) -> bool:
    """Whether `error` says that the file is no whole SQLite database."""
    cause = getattr(error, "orig", None)
    code = getattr(cause, "sqlite_errorcode", None)
    return (code is not None and code & 0xFF in codes) or "Could not decode to UTF-8" in str(cause)


def sqlite(database: str, **options: Any) -> Engine:
    """An engine on a SQLite file."""
    url = URL.create("sqlite", database=database)
    engine = create_engine(url, connect_args={"check_same_thread": False}, **options)

    @event.listens_for(engine, "connect")
    def settle_in(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, see below
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
        # A transaction that will write takes the lock at once: a late upgrade fails, not waits.
        writing = connection.get_execution_options().get("convocore_writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _made_private(path: Path) -> int:
    """Make the file if there is none, for nobody else to read; gives its inode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        for suffix in SUFFIXES:
            part = path.with_name(path.name + suffix)
            if part.exists() and stat.S_IMODE(part.stat().st_mode) & 0o077:
                part.chmod(0o600)
        return path.stat().st_ino
    except OSError as error:
        raise MirrorError(
            f"The mirror's file can't be made ({error.strerror}).",
            hint="Set CONVOCORE_STORE to a file in a folder you can write, or to memory.",
        ) from None


def _check(engine: Engine, path: Path) -> None:
    if path.stat().st_size > CHECKED:
        return
    with engine.connect() as connection:
        said = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if said != "ok":
        raise _DamageError


def _set_aside(path: Path, which: int, reason: str) -> None:
    aside = path.with_name(f"{path.name}.aside-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    with suppress(FileNotFoundError):  # another process was first
        if path.stat().st_ino == which:
            path.rename(aside)
            for suffix in SUFFIXES[1:]:
                with suppress(FileNotFoundError):
                    path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
            log.warning("The mirror was set aside as %s: %s.", aside.name, reason)
