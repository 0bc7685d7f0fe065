"""Which errors say that a mirror is not what it was: damaged, or without one of its tables."""

from convocore_mcp.errors import DamagedMirrorError, MirrorError

DAMAGE = frozenset({11, 26})
"""SQLite's error codes for "malformed" and "not a database"."""
_UNDEFINED_TABLE = "42P01"
"""PostgreSQL's SQLSTATE of a table that does not exist."""
_NO_JSON = "22P02"
"""PostgreSQL's SQLSTATE of a stored text that should be JSON."""


def is_damage(error: BaseException | None, *, codes: frozenset[int] = DAMAGE) -> bool:
    """Whether `error` says that the file is not an intact SQLite database, or lacks a table."""
    cause = getattr(error, "orig", None)
    code = getattr(cause, "sqlite_errorcode", None)
    return (code is not None and code & 0xFF in codes) or str(cause).startswith(
        ("Could not decode to UTF-8", "no such table:", "malformed JSON")
    )


def says_damage(error: MirrorError) -> bool:
    """Whether what is stored is not what was stored, or a table is missing."""
    cause = error.__cause__
    state = getattr(getattr(cause, "orig", None), "sqlstate", None)
    return (
        isinstance(error, DamagedMirrorError)
        or is_damage(cause)
        or state in {_UNDEFINED_TABLE, _NO_JSON}
    )
