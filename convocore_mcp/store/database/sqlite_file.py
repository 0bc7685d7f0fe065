"""A mirror in a private SQLite file: opened if it is ours and undamaged, else set aside."""

import errno
import logging
import operator
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from convocore_mcp.errors import ForeignMirrorError, MirrorError, ReplacedMirrorError
from convocore_mcp.store.engines.damage import DAMAGE, is_damage
from convocore_mcp.store.engines.postgresql_connection import GIVE_UP
from convocore_mcp.store.files.opened_file import (
    FileProblem,
    OpenedFile,
    application_id,
    refuse_other_than_file,
)
from convocore_mcp.store.files.set_aside import SUFFIXES, set_aside

log = logging.getLogger(__name__)

MAX_CHECKED_BYTES = 64 * 2**20
"""Bytes: a file up to this size is checked before it is used, which takes 0.1 seconds."""
_DAMAGE_AT_OPENING = DAMAGE | {1, 8}
"""When opening, a missing column and a header that forbids writing are damage too."""
_ATTEMPTS = 3
FOREIGN = "it belongs to another key, region or time zone"
DAMAGED = "it is damaged"
NEWER = "it belongs to a newer version of this program"
"""Reasons why a mirror can't be used."""
LOCK_SECONDS = 15.0
"""How long a write transaction waits for that of another process."""
_SQLITE_WAIT_MILLISECONDS = 2000
"""How long SQLite waits for a lock by itself. Reading waits only for a process that has locked
the file as a whole, or that repairs it."""
BUSY = 5
"""SQLite's error code for a lock that another connection holds."""
_NO_CHMOD = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
"""Errors of file systems that have no permissions."""
_NO_SHARED_MEMORY_OR_LOCKS = {3850, 4874, 5130, 5386, 5642, 2314, 5898}
"""SQLite's error codes for that (`SQLITE_IOERR_LOCK` and others): a network mount has neither."""


class _DamageError(Exception):
    """SQLite opens the file but finds it inconsistent."""


def open_file(
    path: Path, *, prepare: Callable[[Engine], tuple[str, str]], replace_foreign: bool
) -> tuple[Engine, str]:
    """The engine and the generation of the mirror at `path`, or of a new one in its place.

    `prepare` creates missing tables; it returns the generation, and why a file can't be used
    (empty if it can). `replace_foreign` also sets aside the mirror of another key or region.
    A transaction of the engine raises `ReplacedMirrorError` if the file is no longer the one that
    was opened.

    Raises:
        ForeignMirrorError: the mirror belongs to another key or region.
        MirrorError: the file can't be created, or a newer version of this program uses it.
        DatabaseError: the file can't be used, and a new file would not help.
    """
    for _ in range(_ATTEMPTS):
        file = _create_private(path)
        engine = sqlite(str(path), check=partial(_check_file, path, file))
        try:
            _check(engine, path)
            generation, unusable = prepare(engine)
        except DBAPIError as error:
            engine.dispose()
            _refuse_network_mount(error)
            if not is_damage(error, codes=_DAMAGE_AT_OPENING):
                raise
            unusable = DAMAGED
        except _DamageError:
            unusable = DAMAGED
        if not unusable:
            number = application_id(generation)
            _write_application_id(engine, number)
            file.remember_header(number)
            event.listen(engine, "engine_disposed", file.close)
            return engine, generation
        engine.dispose()
        _leave_alone(unusable, replace_foreign=replace_foreign)
        set_aside(path, file.inode, unusable)
    raise MirrorError("The mirror can't be created.", hint="Set CONVOCORE_STORE=memory.")


def _check_file(path: Path, file: OpenedFile) -> None:
    """Refuse a file that is no longer the one that was opened."""
    problem = file.problem()
    if problem is FileProblem.OVERWRITTEN:
        set_aside(path, file.inode, problem.value)
    if problem is not None:
        raise ReplacedMirrorError(
            f"The mirror can't be used any more: {problem.value}.",
            hint="Ask again: a new mirror is being filled from Convocore.",
        )


def _write_application_id(engine: Engine, number: int | None) -> None:
    """Write the generation's number into the header of the file, if no number stands there yet."""
    with closing(engine.raw_connection()) as raw, suppress(sqlite3.OperationalError):  # is locked
        cursor = raw.cursor()
        (found,) = cursor.execute("PRAGMA application_id").fetchone()
        if not found and number is not None:
            cursor.execute(f"PRAGMA application_id={number}")
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _refuse_network_mount(error: DBAPIError) -> None:
    if getattr(error.orig, "sqlite_errorcode", None) in _NO_SHARED_MEMORY_OR_LOCKS:
        raise MirrorError(
            "The mirror's file can't be used: its file system has no shared memory or no locks, "
            "as some network mounts.",
            hint="Set CONVOCORE_STORE to a file on a local disk, to memory, or to a PostgreSQL "
            "URL.",
        ) from error


def _leave_alone(unusable: str, *, replace_foreign: bool) -> None:
    """Refuse a file that can't be used and must not be set aside."""
    if unusable == NEWER:  # else each version would set the other's aside, at each start
        raise MirrorError(
            f"The mirror can't be used: {NEWER}.",
            hint="Update this program, or set CONVOCORE_STORE to another file for this version. "
            "Nothing was changed.",
        )
    if unusable == FOREIGN and not replace_foreign:
        raise ForeignMirrorError(
            "The mirror belongs to another key, region or time zone.",
            hint="Check CONVOCORE_API_KEY, CONVOCORE_REGION and CONVOCORE_TIMEZONE, or set "
            "CONVOCORE_STORE to another file. Nothing was changed.",
        )


# The driver looks up an adapter for each value that is neither a number nor a text. Most values of
# a row are `None`, so that takes a quarter of SQLite's time. These adapters change no value.
sqlite3.register_adapter(NoneType, dict[None, None]().get)
sqlite3.register_adapter(bool, operator.truth)


def sqlite(database: str, *, check: Callable[[], None] | None = None, **options: Any) -> Engine:
    """An engine on a SQLite file, which must exist, or on a database in memory.

    `check` is called before each connection and each transaction.
    """
    url = URL.create("sqlite", database=database)
    engine = create_engine(
        url,
        creator=partial(_connect, database, check),
        execution_options={GIVE_UP: threading.Event()},
        **options,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we send BEGIN ourselves, see below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "wal_autocheckpoint=4000",
            "temp_store=MEMORY",
            "cache_size=-32000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if check:
            check()
        # A transaction that will write takes the lock at its start: SQLite would refuse a later
        # upgrade from reading to writing instead of waiting for the lock.
        if connection.get_execution_options().get("convocore_writing", False):
            _begin_writing(connection)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _begin_writing(connection: Connection) -> None:
    """Wait for the write lock in small steps: SQLite's own waiting can't be ended."""
    give_up: threading.Event = connection.get_execution_options()[GIVE_UP]
    driver_connection: Any = connection.connection.driver_connection
    last_try_at = time.monotonic() + LOCK_SECONDS - _SQLITE_WAIT_MILLISECONDS / 1000
    while time.monotonic() < last_try_at and not give_up.is_set():
        try:
            driver_connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != BUSY:
                break
        else:
            return
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _connect(database: str, check: Callable[[], None] | None) -> sqlite3.Connection:
    if check:
        check()
    wait = _SQLITE_WAIT_MILLISECONDS / 1000
    if database == ":memory:":
        return sqlite3.connect(database, timeout=wait, check_same_thread=False)
    # Never creates a file: beside one that was deleted, its log may still be in use.
    uri = f"{Path(database).absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=wait, check_same_thread=False)


def _create_private(path: Path) -> OpenedFile:
    """The file, readable by its owner only; it is created if it is missing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            for suffix in SUFFIXES[1:]:  # left behind by a file that was deleted while in use
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        with suppress(FileExistsError):  # not opened then: closing it would drop locks of SQLite
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        refuse_other_than_file(path)
        for suffix in SUFFIXES:
            _make_private(path.with_name(path.name + suffix))
        return OpenedFile(path)
    except OSError as error:
        raise MirrorError(
            f"The mirror's file can't be created ({error.strerror}).",
            hint="Set CONVOCORE_STORE to a file in a folder you can write to, or to memory.",
        ) from None


def _make_private(file: Path) -> None:
    if not (file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077):
        return
    try:
        file.chmod(0o600)
    except OSError as error:
        if error.errno not in _NO_CHMOD:
            raise
        log.warning(
            "Others may be able to read %s: its file system has no permissions. "
            "To prevent that, set CONVOCORE_STORE to another place.",
            file.name,
        )


def _check(engine: Engine, path: Path) -> None:
    if path.stat().st_size > MAX_CHECKED_BYTES:
        return
    with engine.connect() as connection:
        result = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if result != "ok":
        raise _DamageError
