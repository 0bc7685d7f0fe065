"""A mirror in PostgreSQL behind PgBouncer, which gives each transaction the only connection."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing

import psycopg
import pytest
from mcp import Client

from convocore_mcp.assembly import Assembly
from convocore_mcp.configuration import mirror_location, read_settings
from convocore_mcp.errors import LostSyncLockError
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.mcp_server import create_server
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.locks.leases import STALE_AFTER
from tests.pooler import NEEDS_PGBOUNCER, Pooled
from tests.postgresql import NewDatabase
from tests.sync.sync_harness import mirror_rows, open_mirror, upstream_rows
from tests.sync.test_sync_locks import ProcessStore, wait_for
from tests.tool_client import ToolClient

pytestmark = NEEDS_PGBOUNCER
SIZE = 612


@pytest.fixture
def store(postgresql: NewDatabase, pooled: Pooled) -> str:
    """A database behind the pooler."""
    return pooled(postgresql())


class Servers:
    """Servers of one sandbox on one mirror, each with a client."""

    def __init__(self, sandbox: Sandbox, base_url: str, store: str) -> None:
        self.sandbox = sandbox
        self.settings = {
            "api_key": sandbox.key,
            "agent_id": sandbox.agent_id,
            "base_url": base_url,
            "store": store,
            "timezone": "UTC",
            "wait_seconds": 60,
            "incremental_sync_seconds": 0,
            "details": "off",
        }

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ToolClient]:
        """One more server, as another process would be."""
        app = App(lambda: Assembly(self.settings), version="test")
        server = create_server(app)
        async with Client(server) as client:
            yield ToolClient(client, app, server)

    def check(self) -> None:
        """The mirror equals the sandbox."""
        location, owner = mirror_location(read_settings(self.settings))
        with closing(open_mirror(location, owner=owner)) as mirror:
            assert mirror.database.pooled
            assert mirror_rows(mirror, self.sandbox.agent_id) == upstream_rows(self.sandbox)


@pytest.fixture
def servers(store: str) -> Iterator[Servers]:
    sandbox = Sandbox(size=SIZE)
    with serving(sandbox) as base_url:
        yield Servers(sandbox, base_url, store)


@pytest.mark.parametrize("first_is_pooled", [True, False])
def test_servers_with_and_without_a_pooler_exclude_each_other(
    postgresql: NewDatabase, pooled: Pooled, first_is_pooled: bool
) -> None:
    """Promised by docs/operations.md, "Behind a connection pooler": both may use one database."""
    direct = postgresql()
    stores = [pooled(direct), direct] if first_is_pooled else [direct, pooled(direct)]
    first, second = (ProcessStore(store) for store in stores)
    assert first.mirror.database.pooled is first_is_pooled
    assert second.mirror.database.pooled is not first_is_pooled
    with closing(first), closing(second):
        held = first.sync_locks.take("a", "full")
        assert held is not None
        assert second.sync_locks.take("a", "full") is None
        with first.mirror.database.writing() as connection, psycopg.connect(direct) as other:
            held.check(connection)
            with pytest.raises(psycopg.errors.LockNotAvailable):  # so nobody takes it over now
                other.execute(
                    "SELECT 1 FROM convocore_meta WHERE key LIKE 'full%' FOR UPDATE NOWAIT"
                )
        held.release()
        again = second.sync_locks.take("a", "full")
        assert again is not None
        assert first.sync_locks.take("a", "full") is None
        again.release()


def test_a_holder_whose_time_ran_out_writes_nothing_any_more(store: str) -> None:
    """Promised by docs/operations.md, "Behind a connection pooler": also one that never noticed."""
    with (
        closing(ProcessStore(store, stale_after=0.2)) as first,
        closing(ProcessStore(store)) as second,
    ):
        held = first.sync_locks.take("a", "full")
        assert held is not None
        again = wait_for(lambda: second.sync_locks.take("a", "full"))
        again.heartbeat()
        database = first.mirror.database
        with pytest.raises(LostSyncLockError), database.writing() as connection:
            held.check(connection)
        with database.writing() as connection:
            again.check(connection)
        again.release()


async def test_everything_is_read_through_a_pooler_with_one_connection(servers: Servers) -> None:
    """Promised by docs/operations.md, "Behind a connection pooler"."""
    async with servers.running() as server:
        first = await server.ask("conversation_stats")
        assert first["freshness"]["complete"] is True
        assert first["totals"]["conversations"] == len(list(servers.sandbox.rows()))
        servers.check()

        new = servers.sandbox.insert(userName="Brand New")
        page = await server.ask("list_conversations", limit=1)
        assert [row["id"] for row in page["conversations"]] == [new]
        assert page["total"] == first["totals"]["conversations"] + 1
        people = await server.ask("list_leads", query="Brand New")
        assert people["total"] >= 1
        servers.check()


async def test_two_servers_behind_a_pooler_read_the_list_once_and_lose_nothing(
    servers: Servers,
) -> None:
    """Promised by docs/operations.md, "Behind a connection pooler": one reads at a time."""
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(servers.running()) for _ in range(2)]
        answers = await asyncio.gather(*(s.ask("conversation_stats") for s in both for _ in "12"))
        assert all(answer["freshness"]["complete"] for answer in answers)
        assert len({answer["totals"]["conversations"] for answer in answers}) == 1
        pages = -(-SIZE // 20)
        read = len(servers.sandbox.requests)
        assert pages <= read < 2 * pages
        servers.check()

        for number in range(30):
            servers.sandbox.insert(userName=f"New {number}")
            await asyncio.gather(*(s.ask("list_conversations", limit=5) for s in both))
        servers.check()


def test_a_sync_lock_behind_a_pooler_is_held_by_one_process_at_a_time(store: str) -> None:
    """Promised by docs/operations.md, "Behind a connection pooler": a lease, not a session."""
    with closing(ProcessStore(store)) as first, closing(ProcessStore(store)) as second:
        held = first.sync_locks.take("a", "full")
        assert held is not None
        assert second.sync_locks.take("a", "full") is None
        assert first.sync_locks.take("a", "full") is None
        held.heartbeat()
        other = second.sync_locks.take("a", "incremental")
        assert other is not None
        other.release()
        held.release()
        again = second.sync_locks.take("a", "full")
        assert again is not None
        again.release()


def test_a_process_that_is_killed_behind_a_pooler_loses_its_lock_when_its_time_is_up(
    store: str,
) -> None:
    """Promised by docs/operations.md, "Behind a connection pooler": by the database's clock."""
    with closing(ProcessStore(store)) as here:
        command = [sys.executable, "-m", "tests.sync.lock_holder", store, "1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            process.kill()
        held = wait_for(lambda: here.sync_locks.take("a", "full"))
        held.release()


def test_a_lease_is_as_long_as_several_heartbeats() -> None:
    """Ours: one lost heartbeat must not cost the lock."""
    assert STALE_AFTER >= 4 * 10


def test_no_session_keeps_anything_of_ours(store: str, postgresql: NewDatabase) -> None:
    """Promised by docs/operations.md, "Behind a connection pooler": no session state."""
    plain = "SELECT count(*) FROM pg_prepared_statements"
    with closing(open_database(store_location(store, fingerprint="f"), owner="test")) as database:
        for transaction in (database.reading, database.writing):
            with transaction() as connection:
                for _ in range(8):  # the driver would prepare what is asked more than five times
                    assert connection.exec_driver_sql(plain).scalar_one() == 0
        with psycopg.connect(store, autocommit=True, prepare_threshold=None) as session:
            for name, value in (
                ("statement_timeout", "0"),
                ("idle_in_transaction_session_timeout", "0"),
                ("default_transaction_read_only", "off"),
                ("default_transaction_isolation", "read committed"),
            ):
                assert session.execute(f"SHOW {name}".encode()).fetchone() == (value,)
            locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            assert session.execute(locks).fetchone() == (0,)
