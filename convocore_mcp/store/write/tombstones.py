"""Who was forgotten: salted hashes by which the next sync recognizes a person, and nothing else.

They outlive the mirror, which may be rebuilt or purged at any time. So they are kept beside it: in
a file of their own, or in PostgreSQL in a table without our prefix. A hash is that of an ID, or of
an email address or phone number that only the forgotten person had.
"""

import json
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Connection, inspect, or_, select, text

from convocore_mcp.errors import MirrorError
from convocore_mcp.models import Conversation, DerivedKeys, Quarantined
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.rows import chunks, digest_of
from convocore_mcp.store.database.schema import conversations
from convocore_mcp.store.write.versions import CurrentVersion

TABLE = "forgotten_by_convocore_mcp"
SUFFIX = ".forgotten"
"""What the file's name has after that of the mirror."""
_SALT = "salt"
_MIN_VALUE_LENGTH = 6
"""Characters of what tells whose a row is. A short ID may be any number in somebody else's row."""
_c = conversations.c
NAMES = or_(*(column.is_not(None) for column in (_c.identity, _c.email_key, _c.phone_key)))
"""Whether a version names somebody: one that does not may be anybody's."""
_LINE = re.compile(r"(?:salt )?[0-9a-f]{32}")
_RESTORE_HINT = (
    f"Without it, they would come back with the next sync. It is the file beside the mirror whose "
    f"name ends with {SUFFIX}: restore it, or delete it if nobody has to stay forgotten."
)
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|\d{1,40}')


class Tombstones:
    """The forgotten people of one mirror. The caller holds the write lock."""

    def __init__(self, database: Database) -> None:
        name = database.engine.url.database
        in_file = database.engine.dialect.name == "sqlite" and name not in {None, "", ":memory:"}
        self.file = Path(f"{name}{SUFFIX}") if in_file else None
        """Where they are kept, if that is a file."""
        self._in_memory = database.engine.dialect.name == "sqlite" and not in_file
        self._lines: tuple[str, ...] = ()
        self._version: object = None
        self._salt = b""
        self._hashes: frozenset[str] = frozenset()

    def forgotten(
        self,
        connection: Connection,
        rows: Mapping[str, Conversation],
        current: Mapping[str, CurrentVersion],
        keys_of: Callable[[Conversation], DerivedKeys],
    ) -> set[str]:
        """The IDs of those rows that belong to a forgotten person; `current` are in the mirror.

        A row that names somebody in the mirror is somebody else's, unless an ID says otherwise: an
        address may be given to another person.
        """
        self._read(connection)
        if not self._hashes:
            return set()
        by_id = {
            id_ for id_, row in rows.items() if self._has(row.agent_id, _values(id_, row.identity))
        }
        by_contact = {
            id_
            for id_, row in rows.items()
            if id_ not in by_id
            and not (id_ in current and current[id_].digest == digest_of(row))  # judged before
            and self._has(row.agent_id, _contacts_of(keys_of(row)))
        }
        known = [current[id_].valid_from for id_ in sorted(by_contact & current.keys())]
        return by_id | (by_contact - _named(connection, known))

    def is_forgotten(self, agent_id: str, row: Quarantined) -> bool:
        """Whether a row that can't be read is one of theirs, by the values that stand in it."""
        if not self._hashes:
            return False
        long = (text for text in _values_in(row.raw) if len(text) >= _MIN_VALUE_LENGTH)
        written = {row.id or "", *long}
        emails = {value for text in written for value in contact_values(text.strip().lower(), None)}
        return self._has(agent_id, id_values(written, written) | emails)

    def lines(self, connection: Connection) -> Collection[str]:
        """What is kept: a salt, and hashes."""
        self._version = None
        return self._stored(connection)[1]

    def add(self, connection: Connection, agent_id: str, values: Collection[str]) -> None:
        """Remember a person by these values; durable before anything of them is erased."""
        self._read(connection)
        new = [] if self._salt else [f"{_SALT} {secrets.token_hex(16)}"]
        salt = self._salt or bytes.fromhex(new[0].removeprefix(f"{_SALT} "))
        new += sorted({_hash(salt, agent_id, value) for value in values} - self._hashes)
        if not new:
            return
        if self._in_memory:
            self._lines += tuple(new)
        elif self.file is not None:
            _append(self.file, new)
        else:
            columns = "line TEXT PRIMARY KEY"
            connection.execute(text(f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns})"))
            connection.execute(
                text(f"INSERT INTO {TABLE} (line) VALUES (:line)"),  # noqa: S608  ours
                [{"line": line} for line in new],
            )
        self._version = None

    def _has(self, agent_id: str, values: Iterable[str]) -> bool:
        return any(_hash(self._salt, agent_id, value) in self._hashes for value in values)

    def _read(self, connection: Connection) -> None:
        """Read what this or another process has added."""
        version, lines = self._stored(connection)
        if version == self._version and version is not None:
            return
        salts = [line for line in lines if line.startswith(_SALT)]
        self._salt = bytes.fromhex(salts[0].removeprefix(f"{_SALT} ")) if salts else b""
        self._hashes = frozenset(lines) - frozenset(salts)
        self._version = version

    def _stored(self, connection: Connection) -> tuple[object, Collection[str]]:
        """A mark that changes with every addition, and the lines; none if the mark is known."""
        if self._in_memory:
            return len(self._lines), self._lines
        if self.file is not None:
            try:
                state = self.file.stat()
                version = (state.st_size, state.st_mtime_ns)
                known = version == self._version
                return version, () if known else _whole_lines(self.file.read_bytes())
            except FileNotFoundError:
                return 0, ()
            except OSError as error:
                raise MirrorError(
                    f"The list of forgotten people can't be read ({error.strerror}).",
                    hint=_RESTORE_HINT,
                ) from None
        if not inspect(connection).has_table(TABLE):
            return 0, ()
        rows = connection.execute(text(f"SELECT line FROM {TABLE} ORDER BY line"))  # noqa: S608
        lines = tuple(row.line for row in rows)
        return len(lines), lines


def _named(connection: Connection, versions: Sequence[int]) -> set[str]:
    """The conversations of those versions that have an identity, an address or a number."""
    return {
        id_
        for part in chunks(versions)
        for id_ in connection.scalars(select(_c.id).where(_c.valid_from.in_(part), NAMES))
    }


def id_values(ids: Iterable[str], identities: Iterable[str]) -> set[str]:
    """What a person is recognized by: the conversations and the identities that they have."""
    return {f"c:{id_}" for id_ in ids} | {f"i:{identity}" for identity in identities}


def contact_values(email: str | None, phone: str | None) -> set[str]:
    """The same of an email address and a phone number, in the form in which they are compared."""
    values = ((f"e:{email}", email), (f"p:{phone}", phone))
    return {marked for marked, value in values if value is not None}


def _contacts_of(keys: DerivedKeys) -> set[str]:
    return contact_values(keys.email, keys.phone)


def _values_in(raw: str) -> set[str]:
    """The texts and whole numbers in a JSON text; of a text that is cut off, those before."""
    found = set()
    for written in _VALUE.findall(raw):
        with suppress(ValueError):
            found.add(str(json.loads(written)))
    return found


def _values(id_: str, identity: str | None) -> set[str]:
    return id_values([id_], [identity] if identity is not None else [])


def _hash(salt: bytes, agent_id: str, value: str) -> str:
    encoded = f"{agent_id}\0{value}".encode("utf-8", "surrogatepass")
    return blake2b(encoded, digest_size=16, key=salt).hexdigest()


def _whole_lines(content: bytes) -> tuple[str, ...]:
    """The lines of the file; one without an end was being written when the program was ended.

    Raises:
        MirrorError: the file was damaged, so somebody who was forgotten might come back.
    """
    lines = tuple(content.decode("ascii", "replace").split("\n")[:-1])
    salted = not lines or lines[0].startswith(_SALT)
    if not (salted and all(map(_LINE.fullmatch, lines))):
        raise MirrorError("The list of forgotten people is damaged.", hint=_RESTORE_HINT)
    return lines


def _append(file: Path, lines: Iterable[str]) -> None:
    """Write the lines durably, or nothing."""
    rest = memoryview("".join(f"{line}\n" for line in lines).encode())
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(file, flags, 0o600), "r+b", buffering=0) as stream:
            end = (stream.readall() or b"").rfind(b"\n") + 1
            try:
                stream.truncate(end)
                stream.seek(end)
                while rest:
                    rest = rest[stream.write(rest) :]
                os.fsync(stream.fileno())
            except OSError:
                with suppress(OSError):
                    stream.truncate(end)
                raise
    except OSError as error:
        raise MirrorError(
            f"The list of forgotten people can't be written ({error.strerror}).",
            hint="Nothing was erased. Check the folder of the mirror, and try again.",
        ) from None
