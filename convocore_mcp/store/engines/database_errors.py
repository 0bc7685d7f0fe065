"""What a failure of the database means: one `MirrorError` for each kind, with its remedy.

The texts of drivers and servers name files, hosts, users and tables; no kind repeats them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from convocore_mcp.errors import LostConnectionError, MirrorError

NO_ANSWER = "no answer within the time limit"
"""The error message of a connection that was given up (`postgresql_connection`)."""
_PATH = re.compile(r'"/[^"]*"')
_TABLE = re.compile(r'"?\bconvocore_\w+"?')


class FailureKind(NamedTuple):
    """A kind of failure, with what an operator can do about it."""

    message: str
    hint: str


LOCKED = FailureKind(
    "Another process holds the mirror locked.",
    "Ask again in a moment. If it persists, a process that uses the mirror is stopped or stuck: "
    "find it (fuser FILE, lsof FILE), and let it continue or end it.",
)
DISK_FULL = FailureKind(
    "The disk of the mirror is full.",
    "Free space there, or set CONVOCORE_STORE to another disk or to memory.",
)
READ_ONLY = FailureKind(
    "The mirror can't be written: it is read-only.",
    "Make the file and its folder writable for this user, or set CONVOCORE_STORE to another place "
    "or to memory.",
)
DISK_FAILS = FailureKind(
    "The disk of the mirror fails: it can't be read or written.",
    "Check the disk and the system's log, or set CONVOCORE_STORE to another disk or to memory.",
)
NOT_OPENED = FailureKind(
    "The mirror's file can't be opened.",
    "Check that its folder exists, is writable for this user and may hold more open files, or set "
    "CONVOCORE_STORE to another place or to memory.",
)
NO_MEMORY = FailureKind(
    "There is too little memory for the database.",
    "Give this process or the database server more memory.",
)
TOO_MANY = FailureKind(
    "The database server has no connection left.",
    "Raise max_connections, end clients that need theirs no longer, or put a pooler in front; each "
    "server of this program uses up to ten, and two for each agent that it reads.",
)
PASSWORD = FailureKind(
    "The database server refuses the user or the password.",
    "Correct user and password in CONVOCORE_STORE (percent-encode /, @ and : in them), or the "
    "server's pg_hba.conf.",
)
NO_DATABASE = FailureKind(
    "The database that CONVOCORE_STORE names does not exist.",
    "Create it (createdb --encoding=UTF8 --template=template0 NAME), or correct CONVOCORE_STORE.",
)
NO_PERMISSION = FailureKind(
    "The database user lacks a permission.",
    "Grant it CREATE and USAGE on the schema, and the tables whose names begin with convocore.",
)
UNREACHABLE = FailureKind(
    "The database server can't be reached.",
    "Check that it runs, and the host, the port and the network in between (CONVOCORE_STORE).",
)
STARTING = FailureKind(
    "The database server is starting up, shutting down or recovering.",
    "Ask again in a few seconds.",
)
SLOW = FailureKind(
    "The database takes too long to answer.",
    "Ask again. If it persists, the database server is stopped, overloaded, or waits for a lock of "
    "another client: see pg_stat_activity and pg_locks.",
)
STANDBY = FailureKind(
    "The database server can only be read.",
    "CONVOCORE_STORE must name the primary server, and not a standby.",
)
POOLER = FailureKind(
    "The connection pooler refuses an option of CONVOCORE_STORE.",
    "Leave options=... out, and set the schema for the user: ALTER ROLE name SET search_path = "
    "schema.",
)
CONFLICT = FailureKind("Another process changed the same rows at the same moment.", "Ask again.")
LOST = FailureKind(
    "The database server ended the connection.", "Ask again: a new connection is made."
)

_SQLITE = {
    5: LOCKED, 6: LOCKED, 7: NO_MEMORY, 8: READ_ONLY, 10: DISK_FAILS, 13: DISK_FULL,
    14: NOT_OPENED, 15: LOCKED,
}  # fmt: skip
"""By the primary code of SQLite (https://sqlite.org/rescode.html)."""
_SQLSTATES = {
    "08": UNREACHABLE, "25006": STANDBY, "28": PASSWORD, "3D000": NO_DATABASE, "40": CONFLICT,
    "42501": NO_PERMISSION, "53100": DISK_FULL, "53200": NO_MEMORY, "53300": TOO_MANY,
    "55P03": LOCKED, "57014": SLOW, "57P01": LOST, "57P02": LOST, "57P03": STARTING,
    "57P05": LOST, "58030": DISK_FAILS,
}  # fmt: skip
"""By SQLSTATE, or by its class of two characters."""
_WHILE_CONNECTING = (
    ("too many (?:clients|connections)|remaining connection slots|no more connections", TOO_MANY),
    ("unsupported startup parameter", POOLER),
    ("role .* does not exist|password|authentication|no such user|pg_hba", PASSWORD),
    ("does not exist|no such database", NO_DATABASE),
    ("starting up|shutting down|recovery|not yet accepting", STARTING),
    ("query_wait_timeout|server_login_retry|server login", UNREACHABLE),
)
"""Patterns of the server's text, because a failed connection has no SQLSTATE.

The text may be in another language; then only the words match that are not translated.
"""
_SUCCEED_WHEN_REPEATED = (LOST, CONFLICT)
"""Kinds of failures after which the same transaction may succeed if it is repeated at once."""


@contextmanager
def mirror_errors() -> Iterator[None]:
    """Raise a `MirrorError` for each error of SQLAlchemy or of a driver."""
    try:
        yield
    except SQLAlchemyError as error:
        raise mirror_error(error) from error


def mirror_error(error: SQLAlchemyError) -> MirrorError:
    """What `error` means; of an unknown kind, its first line without paths and tables."""
    cause = getattr(error, "orig", None) or error
    kind = _kind(error, cause)
    if kind in _SUCCEED_WHEN_REPEATED:
        return LostConnectionError(kind.message, hint=kind.hint)
    if kind is not None:
        return MirrorError(kind.message, hint=kind.hint)
    # Only the first line: the lines after it hold rows and statements.
    first_line = _TABLE.sub("a table", _PATH.sub("a file", str(cause).partition("\n")[0]))
    return MirrorError(
        f"The mirror can't be used ({type(cause).__name__}: {first_line}).",
        hint="Check the disk and CONVOCORE_STORE; the mirror can be deleted at any time.",
    )


def _kind(error: SQLAlchemyError, cause: BaseException) -> FailureKind | None:
    if (code := getattr(cause, "sqlite_errorcode", None)) is not None:
        return _SQLITE.get(code & 0xFF)
    if isinstance(error, DBAPIError) and NO_ANSWER in str(cause):
        return SLOW
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return LOST
    if state := getattr(cause, "sqlstate", None):
        return _SQLSTATES.get(state) or _SQLSTATES.get(state[:2])
    if not hasattr(cause, "pgconn"):  # no error of PostgreSQL's driver
        return None
    text = str(cause)
    found = (kind for pattern, kind in _WHILE_CONNECTING if re.search(pattern, text))
    return next(found, UNREACHABLE if isinstance(error, OperationalError) else None)
