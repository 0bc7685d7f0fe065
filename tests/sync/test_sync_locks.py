"""Several processes on one mirror: one syncs an agent, the others wait for it."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.models import ReadScope
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.sync_locks import SyncLocks, sync_locks_for
from convocore_mcp.store.locks.leases import STALE_AFTER, Leases, key_of
from convocore_mcp.sync.decisions import Schedule
from tests.process_environment import TIMEOUT_SECONDS
from tests.web.web_server import wait_until

from .sync_harness import (
    Gate,
    SyncHarness,
    activity_times,
    mirror_on,
    running_harness,
)

BOTH_STORES = pytest.mark.parametrize("store", ["in_file", "in_postgresql"], indirect=True)
BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])


class ProcessStore:
    """A mirror and its sync locks, as one process opens them."""

    def __init__(self, store: str, *, stale_after: float = STALE_AFTER) -> None:
        location = store_location(store, fingerprint="f")
        database = open_database(location, owner="test")
        self.mirror = mirror_on(database)
        self.sync_locks: SyncLocks = sync_locks_for(location, database, stale_after=stale_after)

    def close(self) -> None:
        self.sync_locks.close()
        self.mirror.close()


@contextmanager
def opened(store: str, times: int) -> Iterator[list[ProcessStore]]:
    """One mirror, opened as by several processes."""
    with ExitStack() as stack:
        stores = [ProcessStore(store) for _ in range(times)]
        for each in stores:
            stack.callback(each.close)
        yield stores


@BOTH_STORES
def test_a_sync_lock_is_held_by_one_process_at_a_time(store: str) -> None:
    """Promised by docs/architecture.md, "The mirror"; ours: a lock for each agent and kind."""
    with opened(store, 2) as (first, second):
        release = first.sync_locks.take("a", "full")
        assert release is not None
        assert second.sync_locks.take("a", "full") is None
        assert first.sync_locks.take("a", "full") is None
        others = [second.sync_locks.take("a", "incremental"), second.sync_locks.take("b", "full")]
        release.release()
        again = second.sync_locks.take("a", "full")
        assert first.sync_locks.take("a", "full") is None
        for release_second in (again, *others):
            assert release_second is not None
            release_second.release()


@BOTH_STORES
def test_a_sync_lock_is_released_when_its_process_is_killed(store: str) -> None:
    """Ours: no timeout has to pass before another process can take over."""
    with opened(store, 1) as (here,):
        command = [sys.executable, "-m", "tests.sync.lock_holder", store]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            assert here.sync_locks.take("a", "full") is None
            process.kill()
        release = wait_for(lambda: here.sync_locks.take("a", "full"))
        release.release()


def test_a_sync_lock_whose_connection_breaks_is_released(postgresql: Callable[[], str]) -> None:
    """Ours: two processes may sync side by side then, and nobody gets an error."""
    store = postgresql()
    with opened(store, 2) as (first, second):
        release = first.sync_locks.take("a", "full")
        assert release is not None
        with second.mirror.database.writing() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            )
        release_second = wait_for(lambda: second.sync_locks.take("a", "full"))
        release.release()
        release_second.release()
        release_again = wait_for(lambda: first.sync_locks.take("a", "full"))
        release_again.release()


def test_sync_locks_leave_one_empty_private_file_each(tmp_path: Path) -> None:
    """Ours: lock files hold nothing, and only their owner can open them."""
    store = str(tmp_path / "data" / "mirror.sqlite3")
    with opened(store, 1) as (here,):
        for agent in ("../a", "é" * 300):
            release = here.sync_locks.take(agent, "full")
            assert release is not None
            release.release()
    files = list((tmp_path / "data").glob("mirror.sqlite3.*"))
    assert [(file.stat().st_size, file.stat().st_mode & 0o777) for file in files] == [
        (0, 0o600)
    ] * 2


async def harnesses_on(
    stores: list[ProcessStore], sandbox: Sandbox, stack: AsyncExitStack, **options: Any
) -> list[SyncHarness]:
    """A harness for each of the processes' stores."""
    return [
        await stack.enter_async_context(
            running_harness(sandbox, mirror=each.mirror, sync_locks=each.sync_locks, **options)
        )
        for each in stores
    ]


async def test_a_sync_that_takes_long_shows_that_its_process_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/architecture.md, "The mirror": only without a heartbeat the lock is lost."""
    monkeypatch.setattr("convocore_mcp.sync.sync_run.HEARTBEAT_SECONDS", 0.001)
    sandbox = Sandbox(size=40)
    with opened(str(tmp_path / "mirror.sqlite3"), 1) as (here,):
        key, leases = key_of(sandbox.agent_id, "full"), Leases(here.mirror.database)

        def beats() -> int:
            with here.mirror.database.reading() as connection:
                lease = leases.read(connection, key)
            return lease.heartbeat if lease else 0

        async with running_harness(
            sandbox, mirror=here.mirror, sync_locks=here.sync_locks
        ) as harness:
            gate = Gate(sandbox, after=0)
            sync = asyncio.create_task(harness.sync())
            await gate.reached.wait()
            before = beats()
            await asyncio.to_thread(wait_until, lambda: beats() > before + 1)
            gate.open()
            await sync


@BOTH_DIALECTS
@BOTH_STORES
async def test_while_one_process_syncs_the_other_waits(store: str, dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "The mirror": one run per agent in all processes."""
    sandbox = Sandbox(size=300, dialect=dialect, max_limit=20)
    with opened(store, 2) as stores:
        async with AsyncExitStack() as stack:
            first, second = await harnesses_on(stores, sandbox, stack)
            answers = await asyncio.gather(
                *(harness.ensure_fresh() for harness in (first, second) for _ in "123")
            )
            assert all(freshness.complete and not freshness.notes for freshness in answers)
            assert second.mirror_rows == first.mirror_rows == second.upstream_rows
            requests = await first.count_requests()
            await first.sync()
            assert requests <= await first.count_requests() + 2

            for harness in (first, second):
                harness.clock.advance(minutes=1)
            sandbox.insert(userName="New")
            await asyncio.gather(first.ensure_fresh(), second.ensure_fresh())
            assert first.mirror_rows == first.upstream_rows
            assert 1 <= await first.count_requests() <= 4


@BOTH_STORES
async def test_a_waiting_process_answers_from_what_the_other_has_read(store: str) -> None:
    """Promised by docs/architecture.md, "How a question travels": the read scope is awaited."""
    sandbox = Sandbox(size=400)
    since = activity_times(sandbox)[30]
    gate = Gate(sandbox, after=8)
    with opened(store, 2) as stores:
        async with AsyncExitStack() as stack:
            patient = Schedule(first_sync_patience=30, grace=0.1, people_grace=0.1)
            syncing, waiting = await harnesses_on(stores, sandbox, stack, schedule=patient)
            full_sync = asyncio.ensure_future(syncing.sync())
            await gate.reached.wait()
            requests = len(sandbox.requests)

            rows_before = len(syncing.mirror_rows)
            newest = await waiting.syncs.ensure_fresh(sandbox.agent_id, ReadScope(rows=20))
            assert newest.complete is False
            # The other process may be saving its last page meanwhile.
            possible_counts = range(rows_before, len(syncing.mirror_rows) + 1)
            (note,) = newest.notes
            assert note in [
                f"A first full sync is under way, {rows} conversations so far; "
                "ask again for the rest."
                for rows in possible_counts
            ]
            window = await waiting.ensure_fresh(since=since)
            assert window.complete
            assert len(sandbox.requests) == requests

            gate.open()
            await full_sync
            assert (await waiting.ensure_fresh()).complete
            assert waiting.mirror_rows == waiting.upstream_rows


@BOTH_STORES
async def test_a_process_that_waits_in_vain_answers_in_time_and_syncs_later(store: str) -> None:
    """Ours: a caller waits a bounded time for another process's sync, and is told about it."""
    sandbox = Sandbox(size=60)
    with opened(store, 2) as stores:
        async with AsyncExitStack() as stack:
            hasty = Schedule(first_sync_patience=0.3, incremental_patience=0.3)
            (harness,) = await harnesses_on(stores[:1], sandbox, stack, schedule=hasty)
            await harness.sync()
            harness.clock.advance(minutes=1)
            sandbox.insert(userName="New")
            release = stores[1].sync_locks.take(sandbox.agent_id, "incremental")
            assert release is not None
            await harness.count_requests()
            freshness = await harness.ensure_fresh()
            assert "New conversations are still being read." in freshness.notes
            assert await harness.count_requests() == 0
            release.release()
            await harness.wait_for_runs()
            assert await harness.count_requests() == 2
            assert harness.mirror_rows == harness.upstream_rows


async def test_a_failure_is_forgotten_once_another_process_has_synced(tmp_path: Path) -> None:
    """Ours: a process whose mirror is fresh does not mention a failure of its own from before."""
    sandbox = Sandbox(size=60)
    with opened(str(tmp_path / "mirror.sqlite3"), 2) as stores:
        async with AsyncExitStack() as stack:
            first, second = await harnesses_on(stores, sandbox, stack)
            await first.sync()
            first.clock.advance(minutes=1)
            second.clock.advance(minutes=1)
            sandbox.fail_next(503, times=3)
            assert (await first.ensure_fresh()).notes
            second.clock.advance(seconds=20)
            first.clock.advance(seconds=20)
            assert (await second.ensure_fresh()).notes == ()
            assert (await first.ensure_fresh()).notes == ()


async def test_closing_ends_the_wait_for_a_sync_lock(tmp_path: Path) -> None:
    """Ours: a process ends at once, whatever another one does; the lock is not left behind."""
    sandbox = Sandbox(size=60)
    with opened(str(tmp_path / "mirror.sqlite3"), 2) as stores:
        release = stores[1].sync_locks.take(sandbox.agent_id, "full")
        async with AsyncExitStack() as stack:
            (harness,) = await harnesses_on(stores[:1], sandbox, stack)
            waits = asyncio.Event()
            waiting = asyncio.ensure_future(
                harness.syncs.sync(sandbox.agent_id, on_lock_wait=waits.set)
            )
            await waits.wait()
            await harness.syncs.aclose()
            with pytest.raises(ConvocoreError, match="stopped"):
                await waiting
        assert release is not None
        release.release()
        again = stores[0].sync_locks.take(sandbox.agent_id, "full")
        assert again is not None
        again.release()


def wait_for(look: Callable[[], Any]) -> Any:
    """Call `look` until it returns something; another process decides when that is."""
    deadline = time.monotonic() + 3 * TIMEOUT_SECONDS
    while not (result := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
    return result
