"""A process that holds the sync lock is stopped, and not dead: another one reads instead."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path

import pytest

from convocore_mcp.errors import DamagedMirrorError, LostSyncLockError, ReplacedMirrorError
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.sequence import FencedDatabase, take_write_lock
from convocore_mcp.store.database.sync_locks import FileSyncLocks
from convocore_mcp.store.locks.leases import STALE_AFTER, Lease, Leases, ReleaseLock, key_of
from tests.api.api_client import Clock
from tests.process_environment import TIMEOUT_SECONDS
from tests.web.web_server import wait_until

from .sync_harness import mirror_on, mirror_rows, running_harness, upstream_rows
from .test_processes import HELD_AFTER, ThreadGate
from .test_sync_locks import BOTH_STORES, ProcessStore

LOOK_EVERY = 4.0
"""Seconds by the clock of these tests between two attempts to take the lock."""


def test_a_holder_that_shows_no_life_loses_its_lock_within_a_minute(tmp_path: Path) -> None:
    """Promised by docs/architecture.md, "The mirror": a holder that is stopped loses its lock."""
    path, clock = tmp_path / "mirror.sqlite3", Clock()
    databases = [open_database(path, owner="test") for _ in range(3)]
    first, second, third = (
        FileSyncLocks(path, Leases(each, stale_after=STALE_AFTER, clock=clock))
        for each in databases
    )
    holder = first.take("a", "full")
    assert holder is not None
    for _ in range(30):  # two minutes of a holder that is alive
        clock.time += LOOK_EVERY
        holder.heartbeat()
        assert second.take("a", "full") is None

    stopped_at = clock.time
    while (taken_over := second.take("a", "full")) is None:
        clock.time += LOOK_EVERY
        assert clock.time < stopped_at + 60
    assert third.take("a", "full") is None
    with pytest.raises(LostSyncLockError):
        holder.heartbeat()
    writer = mirror_on(FencedDatabase(databases[0], holder.check))
    with pytest.raises(LostSyncLockError):
        writer.update_coverage("a", gap="written by a process that was stopped")
    holder.release()
    assert third.take("a", "full") is None
    taken_over.heartbeat()
    mirror_on(FencedDatabase(databases[1], taken_over.check)).update_coverage("a", gap="new")
    assert mirror_on(databases[2]).coverage("a").gap == "new"
    taken_over.release()
    again = third.take("a", "full")
    assert again is not None
    again.release()
    for each in databases:
        each.close()


@pytest.mark.parametrize("fails", [True, False])
def test_a_lock_whose_lease_goes_to_another_process_is_released(
    tmp_path: Path, *, fails: bool
) -> None:
    """Ours: else nobody could take that lock until this process ends."""
    path = tmp_path / "mirror.sqlite3"
    released: list[bool] = []
    database = open_database(path, owner="test")
    leases = Leases(database)

    def lock(_agent: str, _number: int) -> ReleaseLock:
        if fails:
            path.unlink()
        else:
            leases.replace(key_of("a", "full"), Lease(), Lease(1))
        return partial(released.append, True)

    with pytest.raises(ReplacedMirrorError) if fails else nullcontext():
        assert leases.take("a", "full", lock) is None
    assert released == [True]
    database.close()


@pytest.mark.parametrize("text", ["x y z", "1 2 3 4", "{}"])
def test_a_lease_that_was_damaged_is_a_damaged_mirror(text: str) -> None:
    """Promised by docs/architecture.md, "The mirror": damage leads to a new mirror."""
    with pytest.raises(DamagedMirrorError):
        Lease.from_text(text)


def test_a_process_that_was_stopped_as_well_takes_nothing_over(tmp_path: Path) -> None:
    """Ours: a machine that was suspended as a whole goes on as before."""
    path, clock = tmp_path / "mirror.sqlite3", Clock()
    database = open_database(path, owner="test")
    leases = Leases(database, stale_after=STALE_AFTER, clock=clock)
    holder = FileSyncLocks(path, leases).take("a", "full")
    assert holder is not None
    assert FileSyncLocks(path, leases).take("a", "full") is None
    clock.time += 3600
    assert FileSyncLocks(path, leases).take("a", "full") is None
    holder.release()
    database.close()


@BOTH_STORES
def test_a_stopped_process_is_replaced_and_writes_nothing_when_it_continues(store: str) -> None:
    """Promised by docs/architecture.md, "The mirror": a holder that is stopped loses its lock."""
    sandbox = Sandbox(size=800)
    gate = ThreadGate(sandbox)
    here = ProcessStore(store, stale_after=0.5)
    with closing(here), serving(sandbox) as base_url:
        command = [sys.executable, "-m", "tests.sync.stopped_process", base_url, sandbox.key]
        with subprocess.Popen(
            [*command, sandbox.agent_id, store], stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                wait_until(lambda: len(sandbox.requests) >= HELD_AFTER)
                # Not inside a write transaction: nobody else could write to SQLite then.
                with here.mirror.database.writing() as connection:
                    take_write_lock(connection)
                    process.send_signal(signal.SIGSTOP)
                    # Threads stop one by one: on a busy machine, another one could still write.
                    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
                gate.open()
                asyncio.run(sync_here(sandbox, here))
                coverage = here.mirror.coverage(sandbox.agent_id)
                assert coverage.complete
                process.send_signal(signal.SIGCONT)
                stdout, _ = process.communicate(timeout=3 * TIMEOUT_SECONDS)
            finally:
                gate.open()
                process.kill()
            assert stdout.startswith("ended after ")
            assert here.mirror.coverage(sandbox.agent_id) == coverage
            assert mirror_rows(here.mirror, sandbox.agent_id) == upstream_rows(sandbox)


async def sync_here(sandbox: Sandbox, here: ProcessStore) -> None:
    async with running_harness(sandbox, mirror=here.mirror, sync_locks=here.sync_locks) as harness:
        await harness.sync()
