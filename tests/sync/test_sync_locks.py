"""Several processes on one mirror: one reads an agent's list, the others wait for it."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.leads.affected import merge_affected
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.models import ReadScope
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.sync_locks import SyncLocks, sync_locks_for
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules
from convocore_mcp.sync.agent_sync import Schedule
from tests.test_stdio import GENEROUS

from .sync_harness import Gate, SyncHarness, running_harness

STORES = pytest.mark.parametrize("store", ["in_file", "in_postgresql"], indirect=True)
BOTH = pytest.mark.parametrize("dialect", ["cursor", "page"])
OTHER = "tests.sync.other"


class Place:
    """A mirror as one process opens it."""

    def __init__(self, store: str) -> None:
        place = store_location(store, fingerprint="f")
        database = open_database(place, owner="test")
        self.mirror = MirrorWriter(database, Rules(keys=derive_keys, merge_affected=merge_affected))
        self.sync_locks: SyncLocks = sync_locks_for(place, database)

    def close(self) -> None:
        self.sync_locks.close()
        self.mirror.close()


@contextmanager
def places(store: str, count: int) -> Iterator[list[Place]]:
    with ExitStack() as stack:
        opened = [Place(store) for _ in range(count)]
        for place in opened:
            stack.callback(place.close)
        yield opened


@STORES
def test_a_turn_is_one_processs_and_goes_to_the_next(store: str) -> None:
    """Promised by design.md: an advisory lock; ours: per agent and kind."""
    with places(store, 2) as (one, two):
        end = one.sync_locks.take("a", "full")
        assert end is not None
        assert two.sync_locks.take("a", "full") is None
        assert one.sync_locks.take("a", "full") is None
        others = [two.sync_locks.take("a", "incremental"), two.sync_locks.take("b", "full")]
        end()
        again = two.sync_locks.take("a", "full")
        assert one.sync_locks.take("a", "full") is None
        for held_by_two in (again, *others):
            assert held_by_two is not None
            held_by_two()


@STORES
def test_a_turn_ends_with_the_process_however_that_ends(store: str) -> None:
    """Promised by design.md: safe against a holder that is killed at any moment."""
    with places(store, 1) as (here,):
        command = [sys.executable, "-m", OTHER, "hold", store]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            assert here.sync_locks.take("a", "full") is None
            process.kill()
        end = until(lambda: here.sync_locks.take("a", "full"))
        end()


def test_a_turn_whose_connection_breaks_is_over(postgresql: Callable[[], str]) -> None:
    """Ours: two may read side by side then, and nobody hears of an error."""
    store = postgresql()
    with places(store, 2) as (one, two):
        end = one.sync_locks.take("a", "full")
        assert end is not None
        with two.mirror.database.writing() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            )
        another = until(lambda: two.sync_locks.take("a", "full"))
        end()
        another()
        again = until(lambda: one.sync_locks.take("a", "full"))
        again()


def test_turns_leave_one_empty_private_file_each(tmp_path: Path) -> None:
    """Ours: whoever looks into the folder finds nothing to wonder at."""
    store = str(tmp_path / "data" / "mirror.sqlite3")
    with places(store, 1) as (here,):
        for agent in ("../a", "é" * 300):
            end = here.sync_locks.take(agent, "full")
            assert end is not None
            end()
    files = list((tmp_path / "data").glob("mirror.sqlite3.*"))
    assert [(file.stat().st_size, file.stat().st_mode & 0o777) for file in files] == [
        (0, 0o600)
    ] * 2


async def two_houses(
    sandbox: Sandbox, pair: list[Place], stack: AsyncExitStack, **how: Any
) -> list[SyncHarness]:
    return [
        await stack.enter_async_context(
            running_harness(sandbox, mirror=place.mirror, sync_locks=place.sync_locks, **how)
        )
        for place in pair
    ]


@BOTH
@STORES
async def test_what_one_reads_the_other_waits_for(store: str, dialect: Dialect) -> None:
    """Promised by design.md: one walk per agent at a time, in all processes together."""
    sandbox = Sandbox(size=300, dialect=dialect, max_limit=20)
    with places(store, 2) as pair:
        async with AsyncExitStack() as stack:
            one, two = await two_houses(sandbox, pair, stack)
            answers = await asyncio.gather(
                *(harness.fresh() for harness in (one, two) for _ in "123")
            )
            assert all(fresh.complete and not fresh.notes for fresh in answers)
            assert two.held == one.held == two.wanted
            once = await one.asked()
            await one.sync()
            assert once <= await one.asked() + 2

            for harness in (one, two):
                harness.time.pass_(minutes=1)
            sandbox.insert(userName="New")
            await asyncio.gather(one.fresh(), two.fresh())
            assert one.held == one.wanted
            assert 1 <= await one.asked() <= 3


@STORES
async def test_who_waits_answers_from_what_the_other_has_read(store: str) -> None:
    """Promised by design.md: as soon as there is what a question needs, and it says so."""
    sandbox = Sandbox(size=400)
    times = [row["ts"] for row in sandbox.rows()]
    at = times[30] if times[30] < 10**11 else times[30] / 1000
    gate = Gate(sandbox, after=8)
    with places(store, 2) as pair:
        async with AsyncExitStack() as stack:
            patient = Schedule(patience=30, grace=0.1, people_grace=0.1)
            one, two = await two_houses(sandbox, pair, stack, schedule=patient)
            full_sync = asyncio.ensure_future(one.sync())
            await gate.reached.wait()
            asked = len(sandbox.requests)

            newest = await two.agent_sync.fresh(sandbox.agent_id, ReadScope(rows=20))
            assert newest.complete is False
            (note,) = newest.notes
            assert note == (
                f"A first reading is under way, {len(one.held)} conversations so far; "
                "ask again for the rest."
            )
            window = await two.fresh(since=datetime.fromtimestamp(at, UTC))
            assert window.complete
            assert len(sandbox.requests) == asked

            gate.open()
            await full_sync
            assert (await two.fresh()).complete
            assert two.held == two.wanted


@STORES
async def test_who_waits_in_vain_answers_in_time_and_takes_over_later(store: str) -> None:
    """Promised by design.md: a bounded time; news that somebody else still reads is told of."""
    sandbox = Sandbox(size=60)
    with places(store, 2) as pair:
        async with AsyncExitStack() as stack:
            hasty = Schedule(patience=0.3, incremental_patience=0.3)
            (harness,) = await two_houses(sandbox, pair[:1], stack, schedule=hasty)
            await harness.sync()
            harness.time.pass_(minutes=1)
            sandbox.insert(userName="New")
            end = pair[1].sync_locks.take(sandbox.agent_id, "incremental")
            assert end is not None
            await harness.asked()
            fresh = await harness.fresh()
            assert "ChangedSince is still being read." in fresh.notes
            assert await harness.asked() == 0
            end()
            await harness.at_rest()
            assert await harness.asked() == 1
            assert harness.held == harness.wanted


async def test_trouble_that_another_process_got_over_is_forgotten(tmp_path: Path) -> None:
    """Ours: who need not read does not go on about a failure of long ago."""
    sandbox = Sandbox(size=60)
    with places(str(tmp_path / "mirror.sqlite3"), 2) as pair:
        async with AsyncExitStack() as stack:
            one, two = await two_houses(sandbox, pair, stack)
            await one.sync()
            one.time.pass_(minutes=1)
            two.time.pass_(minutes=1)
            sandbox.fail_next(503, times=3)
            assert (await one.fresh()).notes
            two.time.pass_(seconds=20)
            one.time.pass_(seconds=20)
            assert (await two.fresh()).notes == ()
            assert (await one.fresh()).notes == ()


async def test_closing_ends_the_waiting_too(tmp_path: Path) -> None:
    """Promised by design.md: the process ends within a second."""
    sandbox = Sandbox(size=60)
    with places(str(tmp_path / "mirror.sqlite3"), 2) as pair:
        end = pair[1].sync_locks.take(sandbox.agent_id, "full")
        async with AsyncExitStack() as stack:
            (harness,) = await two_houses(sandbox, pair[:1], stack)
            waiting = asyncio.ensure_future(harness.sync())
            await asyncio.wait([waiting], timeout=0.05)
            await harness.agent_sync.aclose()
            with pytest.raises(ConvocoreError, match="stopped"):
                await waiting
        assert end is not None
        end()
        again = pair[0].sync_locks.take(sandbox.agent_id, "full")
        assert again is not None
        again()


def until(look: Callable[[], Any]) -> Any:
    """What `look` returns, as soon as it is something."""
    give_up = time.monotonic() + 3 * GENEROUS
    while not (found := look()):
        assert time.monotonic() < give_up, "it never came"
        time.sleep(0.01)
    return found
