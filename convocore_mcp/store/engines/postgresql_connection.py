"""Connections to PostgreSQL, directly or through a pooler, none of which waits without end.

A pooler such as PgBouncer may give each transaction another session. So a session has no state of
ours: no prepared statements, no `SET` and no advisory lock that outlive their transaction, and
nothing in the `options` of a connection. Limits are set again in each transaction.

Three limits end a wait, whatever has stopped: the server's own (`statement_timeout`), the kernel's
(a machine that vanished), and ours, for a server that is frozen and whose machine still answers.
"""

import threading
import time
from collections.abc import Callable, Generator
from typing import Protocol, TypeAlias

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError

from convocore_mcp.errors import MirrorError, ReplacedMirrorError
from convocore_mcp.store.database.schema import meta
from convocore_mcp.store.engines.database_errors import NO_ANSWER

READ_SECONDS, WRITE_SECONDS = 15, 60
"""Seconds within which a statement must end, in a transaction that reads or writes."""
IDLE_SECONDS = 15
"""Seconds after which the server ends a transaction whose client is silent: it was stopped."""
CLIENT_MARGIN_SECONDS = 5.0
"""Seconds that our own limit adds to the server's: the server's error says more."""
GIVE_UP_SECONDS = 1.0
"""The same once the program ends."""
PING_SECONDS = 3.0
"""Seconds within which an idle connection must show that it still works."""
_CONNECTING = {
    "connect_timeout": "3",
    "client_encoding": "utf8",
    # A machine that vanished: after 25 seconds of silence, or 15 of data that nobody confirms.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""Options of the client's side: no pooler sees them. CONVOCORE_STORE may name others."""
GIVE_UP = "convocore_give_up"
"""The engine option that holds an event: once it is set, nobody waits for the database."""
TIMEOUT_OPTION = "convocore_seconds"
"""The option of a connection that sets how many seconds a statement may take, if not the usual."""
GENERATION_OPTION = "convocore_generation"
"""The option of a connection that names the generation of the mirror that was opened."""
_GENERATION = select(meta.c.value).where(meta.c.key == "generation").scalar_subquery()
_PREFIX = "postgresql+psycopg://"
_Steps: TypeAlias = Generator[object, object, object]
"""A generator of the driver: yields what it waits for, gets what is ready, returns the result."""


class _DriverInfo(Protocol):
    backend_pid: int


class DriverConnection(Protocol):
    """A connection of psycopg, as far as it is used here."""

    info: _DriverInfo
    wait: Callable[..., object]
    """Runs a generator of the driver until the server has answered."""

    def close(self) -> None:
        """Close the socket; waits for nothing."""
        ...


class BoundedWait:
    """Waits for the server's answer within `seconds`, in place of the driver's endless `wait`."""

    def __init__(
        self, connection: DriverConnection, error: type[Exception], give_up: threading.Event
    ) -> None:
        """`error` is what the driver raises when a connection breaks."""
        self.seconds = PING_SECONDS
        self._connection, self._error, self._give_up = connection, error, give_up
        self._wait = connection.wait

    def __call__(self, gen: _Steps, *args: object, **options: object) -> object:
        """As the driver's `wait`, which looks at the clock at least ten times a second."""
        return self._wait(self._within_limits(gen), *args, **options)

    def _within_limits(self, gen: _Steps) -> _Steps:
        began = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and self._is_over(time.monotonic() - began):
                    gen.close()
                    self._connection.close()
                    raise self._error(NO_ANSWER)
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _is_over(self, seconds: float) -> bool:
        limit = min(self.seconds, GIVE_UP_SECONDS) if self._give_up.is_set() else self.seconds
        return seconds > limit


def postgresql_engine(
    store: str | URL,
    *,
    pool_size: int = 5,
    max_overflow: int = 10,
    give_up: threading.Event | None = None,
) -> Engine:
    """An engine on a PostgreSQL database.

    A transaction with the option `convocore_writing` gets more time than another one. Once
    `give_up` is set, nobody waits longer than a second.

    Raises:
        MirrorError: `store` is not a PostgreSQL URL, or the driver is missing.
    """
    url = database_url(store)
    connecting = {name: v for name, v in _CONNECTING.items() if name not in url.query}
    try:
        engine = create_engine(
            url,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            connect_args=connecting | {"prepare_threshold": None},
            execution_options={GIVE_UP: give_up or threading.Event()},
            pool_size=pool_size,
            max_overflow=max_overflow,
        )
    except ImportError:
        raise MirrorError(
            "PostgreSQL needs a driver that is not installed.",
            hint="Install convocore-mcp[postgres].",
        ) from None
    _bound(engine)
    return engine


def database_url(store: str | URL) -> URL:
    """A PostgreSQL URL in its parts.

    Raises:
        MirrorError: it is not one.
    """
    if not str(store).startswith(_PREFIX):
        raise MirrorError(
            "CONVOCORE_STORE names no kind of database that can hold the mirror.",
            hint="Use memory, a file, or postgresql://user@host/database.",
        )
    try:
        return make_url(store)
    except (ArgumentError, ValueError):
        # From None: the error's text may hold part of the password.
        raise MirrorError(
            "CONVOCORE_STORE is not a valid PostgreSQL URL.",
            # A URL with a password would leave no answer, not even as an example.
            hint="Write postgresql://user@host:5432/database, with :password behind the user; /, @ "
            "and : in the password percent-encoded.",
        ) from None


def _bound(engine: Engine) -> None:
    broken: type[Exception] = engine.dialect.loaded_dbapi.OperationalError
    give_up: threading.Event = engine.get_execution_options()[GIVE_UP]

    @event.listens_for(engine, "connect")
    def bound_waiting(connection: DriverConnection, _record: object) -> None:
        connection.wait = BoundedWait(connection, broken, give_up)

    @event.listens_for(engine, "begin")
    def bound_transaction(connection: Connection) -> None:
        options = connection.get_execution_options()
        usual = WRITE_SECONDS if options.get("convocore_writing") else READ_SECONDS
        limit_statements(
            connection,
            options.get(TIMEOUT_OPTION, usual),
            generation=options.get(GENERATION_OPTION),
        )

    @event.listens_for(engine, "checkin")
    def bound_ping(connection: DriverConnection | None, _record: object) -> None:
        if connection is not None and isinstance(connection.wait, BoundedWait):
            connection.wait.seconds = PING_SECONDS


def limit_statements(
    connection: Connection,
    seconds: float,
    *,
    idle_seconds: float = IDLE_SECONDS,
    generation: str | None = None,
) -> None:
    """Limit each statement, and the client's silence in between, until the transaction ends.

    The same trip to the server finds out whether the mirror is still that of `generation`.

    Raises:
        ReplacedMirrorError: another process has dropped its tables, and they were made again.
    """
    driver_connection: DriverConnection = connection.connection.driver_connection  # type: ignore[assignment]
    if isinstance(driver_connection.wait, BoundedWait):
        driver_connection.wait.seconds = seconds + CLIENT_MARGIN_SECONDS
    limits = (
        func.set_config("statement_timeout", f"{seconds * 1000:.0f}", True),
        func.set_config("idle_in_transaction_session_timeout", f"{idle_seconds * 1000:.0f}", True),
    )
    if generation is None:
        connection.execute(select(*limits))
    elif connection.execute(select(*limits, _GENERATION)).one()[2] != generation:
        raise ReplacedMirrorError(
            "The mirror can't be used any more: its tables were replaced.",
            hint="Ask again: a new mirror is being filled from Convocore.",
        )


def is_pooled(connection: Connection) -> bool:
    """Whether a pooler stands in between: it tells clients a process ID of its own making."""
    driver_connection: DriverConnection = connection.connection.driver_connection  # type: ignore[assignment]
    return driver_connection.info.backend_pid != connection.scalar(select(func.pg_backend_pid()))


def refuse_other_encodings(connection: Connection) -> None:
    """Make sure that the database can hold every text.

    Raises:
        MirrorError: its encoding is not UTF-8.
    """
    encoding = connection.scalar(select(func.current_setting("server_encoding")))
    if encoding != "UTF8":
        raise MirrorError(
            f"The database has the encoding {encoding}, which can't hold every text: it must be "
            "UTF8.",
            hint="Create another one (createdb --encoding=UTF8 --template=template0 NAME), and "
            "name it in CONVOCORE_STORE.",
        )
