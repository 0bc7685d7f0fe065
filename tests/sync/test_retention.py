"""Conversations that are too old are not kept (`CONVOCORE_RETENTION_DAYS`), and answers say so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from convocore_mcp.errors import UnauthorizedError
from convocore_mcp.models import FeedPosition
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.store.changes.change_feed import ChangeFeed
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from tests.tool_client import connected

from .sync_harness import DirectSyncs, SyncHarness, activity_times, open_mirror, running_harness

NOT_KEPT = "are not kept here"


@asynccontextmanager
async def keeping(
    sandbox: Sandbox, rows: int | None, *, mirror: MirrorWriter | None = None
) -> AsyncIterator[SyncHarness]:
    """A harness whose mirror keeps about the newest `rows`; everything with `None`."""
    base = mirror or open_mirror("memory")
    kept = None
    async with running_harness(sandbox, mirror=base) as harness:
        if rows is not None:
            times = activity_times(sandbox)
            between = times[rows] + (times[rows - 1] - times[rows]) / 2
            kept = harness.clock() - between
    limited = MirrorWriter(base.database, base.rules, kept=kept)
    async with running_harness(sandbox, mirror=limited) as harness:
        yield harness


def ids_in(harness: SyncHarness) -> set[str]:
    return {row.id for row in harness.mirror_rows}


def kept_ids(harness: SyncHarness) -> set[str]:
    """The IDs that are to be in the mirror, computed independently."""
    kept = harness.mirror.retention.kept
    assert kept is not None
    return harness.ids_since(harness.clock() - kept)


MARK = "quirinus"


def marked_sandbox() -> Sandbox:
    """One whose oldest conversation has a name that nobody else has."""
    sandbox = Sandbox(size=60)
    sandbox.edit(list(sandbox.rows())[-1]["ID"], userName=MARK)
    return sandbox


def text_of(folder: Path) -> str:
    """Everything in the files of a folder."""
    files = [file.read_bytes() for file in folder.iterdir() if file.is_file()]
    return b"".join(files).decode("latin-1").lower()


def direct_syncs(harness: SyncHarness) -> DirectSyncs:
    return DirectSyncs(harness.client, harness.mirror, harness.sandbox.agent_id, now=harness.clock)


def kinds_of_changes(harness: SyncHarness, since: int) -> list[tuple[str, str]]:
    feed = ChangeFeed(harness.mirror.database)
    start = FeedPosition(since, 2**52, 2**52)
    agents = [harness.sandbox.agent_id]
    page = feed.read(agents, start, now=harness.clock(), limit=500)
    return [(change.kind, change.conversation.id) for change in page.changes]


async def test_only_what_is_kept_is_read_into_the_mirror_and_answers_say_so() -> None:
    """Promised by docs/security.md, "Retention": complete is about what is kept, with a note."""
    async with keeping(Sandbox(size=200), 80) as harness:
        freshness = await harness.ensure_fresh()
        assert ids_in(harness) == kept_ids(harness)
        assert len(ids_in(harness)) == 80
        assert freshness.complete
        assert [note for note in freshness.notes if NOT_KEPT in note and "earlier" not in note]

        limit = harness.mirror.retention.limit(harness.clock())
        assert limit is not None
        earlier = await harness.ensure_fresh(since=limit - timedelta(days=1))
        assert [note for note in earlier.notes if "begins earlier" in note]
        later = await harness.ensure_fresh(since=limit + timedelta(days=1))
        assert not [note for note in later.notes if NOT_KEPT in note]


async def test_what_becomes_too_old_goes_without_a_change_and_no_sync_brings_it_back() -> None:
    """Promised by docs/security.md, "Retention": it is no deletion."""
    sandbox = Sandbox(size=200)
    async with keeping(sandbox, 80) as harness:
        await harness.sync()
        number = harness.coverage.sequence_number
        before, old = ids_in(harness), list(sandbox.rows())[150]["ID"]
        times = activity_times(sandbox)
        harness.clock.offset += times[40] - times[80]  # half of them become too old
        sandbox.touch(old)  # somebody writes again
        sandbox.edit(list(sandbox.rows())[170]["ID"], stage="won")  # an old one, silently
        await harness.ensure_fresh()
        assert old in ids_in(harness)
        assert ids_in(harness) == kept_ids(harness)
        assert ids_in(harness) - {old} < before
        first = sandbox.list_requests

        def become_older(number: int) -> None:
            if number == first + 1:  # amid a full sync, which does not see what is not kept
                harness.clock.offset += times[39] - times[40]

        sandbox.on_request.append(become_older)
        await harness.sync()
        assert ids_in(harness) == kept_ids(harness)
        assert harness.coverage.complete
        assert kinds_of_changes(harness, number) == [("created", old)]


@pytest.mark.parametrize(
    ("kind", "fails"), [("incremental_sync", True), ("full_sync", True), ("full_sync", False)]
)
async def test_each_sync_erases_what_has_become_too_old(kind: str, *, fails: bool) -> None:
    """Promised by docs/security.md, "Retention": at each sync, of both kinds, before it reads."""
    sandbox = Sandbox(size=200)
    async with keeping(sandbox, 80) as harness:
        await harness.sync()
        times = activity_times(sandbox)
        harness.clock.offset += times[40] - times[80]
        if fails:
            sandbox.fail_next(401, times=1000)
        with pytest.raises(UnauthorizedError) if fails else nullcontext():
            await getattr(direct_syncs(harness), kind)()
        assert ids_in(harness) == kept_ids(harness)


async def test_what_a_sync_erases_is_not_left_in_the_files(tmp_path: Path) -> None:
    """Promised by docs/security.md, "Retention": as if it had never been there."""
    sandbox, mirror = marked_sandbox(), open_mirror(tmp_path / "mirror.sqlite3")
    async with keeping(sandbox, None, mirror=mirror) as harness:
        await harness.sync()
        assert MARK in text_of(tmp_path)
    async with keeping(sandbox, 30, mirror=mirror) as harness:
        await direct_syncs(harness).full_sync()
        assert MARK not in text_of(tmp_path)
    mirror.close()


async def test_a_server_that_starts_erases_what_is_too_old_before_any_sync(
    tmp_path: Path,
) -> None:
    """Promised by docs/security.md, "Retention": when a server starts, and not in the files."""
    sandbox = marked_sandbox()
    days = (datetime.now(UTC) - activity_times(sandbox)[30]) / timedelta(days=1)
    settings: dict[str, Any] = {
        "store": str(tmp_path / "mirror.sqlite3"), "incremental_sync_seconds": 3_600,
    }  # fmt: skip
    with serving(sandbox) as base_url:
        async with connected(sandbox, base_url=base_url, **settings) as client:
            await client.until_complete()
            assert MARK in text_of(tmp_path)
        sandbox.requests.clear()
        settings["retention_days"] = days
        async with connected(sandbox, base_url=base_url, **settings) as client:
            assert 0 < (await client.ask("list_conversations"))["total"] < 60
            assert MARK not in text_of(tmp_path)
            assert not sandbox.requests


async def test_an_incremental_sync_stops_where_everything_is_too_old() -> None:
    """Ours: so few are kept that no order can be seen in them; the list is long all the same."""
    sandbox = Sandbox(size=600)
    async with keeping(sandbox, 5) as harness:
        await harness.sync()
        assert len(ids_in(harness)) == 5
        await harness.count_requests()
        new = sandbox.insert(userName="New")
        harness.clock.advance(minutes=1)
        assert (await harness.ensure_fresh()).complete
        assert new in ids_in(harness)
        assert await harness.count_requests() <= 10  # pages of 20, and the front again


async def test_a_mirror_is_not_complete_when_more_is_kept_than_before() -> None:
    """Promised by docs/contract.md #never-falsely-complete: older ones have to be read again."""
    sandbox, mirror = Sandbox(size=200), open_mirror("memory")
    async with keeping(sandbox, 80, mirror=mirror) as harness:
        await harness.sync()
    async with keeping(sandbox, None, mirror=mirror) as harness:
        harness.mirror.retention.apply(harness.clock())  # as a server does when it starts
        freshness = await harness.ensure_fresh()
        assert not freshness.complete
        assert [note for note in freshness.notes if "kept than before" in note]
        await harness.sync()
        assert harness.mirror_rows == harness.upstream_rows
        assert (await harness.ensure_fresh()).complete
    mirror.close()


async def test_a_mirror_that_another_server_keeps_shorter_is_not_complete() -> None:
    """Promised by docs/contract.md #never-falsely-complete: what the other one erased."""
    sandbox, mirror = Sandbox(size=200), open_mirror("memory")
    async with keeping(sandbox, None, mirror=mirror) as harness:
        await harness.sync()
        assert (await harness.ensure_fresh()).complete
        async with keeping(sandbox, 80, mirror=mirror) as shorter:
            await shorter.sync()
            assert (await shorter.ensure_fresh()).complete
            freshness = await harness.ensure_fresh()
            assert not freshness.complete
            assert [note for note in freshness.notes if "kept than before" in note]
        await harness.sync()
        assert harness.mirror_rows == harness.upstream_rows
        assert (await harness.ensure_fresh()).complete
    mirror.close()


async def test_a_sync_that_was_broken_off_begins_again_when_more_is_kept_than_before() -> None:
    """Promised by docs/contract.md #never-falsely-complete: what it left out would be missing."""
    sandbox, mirror = Sandbox(size=200), open_mirror("memory")
    async with keeping(sandbox, 40, mirror=mirror) as harness:
        sandbox.fail_next(401, after=8)
        with pytest.raises(UnauthorizedError):
            await direct_syncs(harness).full_sync()
    async with keeping(sandbox, None, mirror=mirror) as harness:
        harness.mirror.retention.apply(harness.clock())
        await direct_syncs(harness).full_sync()
        assert harness.mirror_rows == harness.upstream_rows
    mirror.close()


async def test_what_is_in_the_mirror_goes_when_less_is_kept_than_before() -> None:
    """Promised by docs/security.md, "Retention": at the start, without a request."""
    sandbox, mirror = Sandbox(size=200), open_mirror("memory")
    async with keeping(sandbox, None, mirror=mirror) as harness:
        await harness.sync()
        await harness.count_requests()
    async with keeping(sandbox, 80, mirror=mirror) as harness:
        assert harness.mirror.retention.apply(harness.clock()) == len(list(sandbox.rows())) - 80
        assert ids_in(harness) == kept_ids(harness)
        assert harness.coverage.complete
        assert harness.coverage.conversations == 80
        assert await harness.count_requests() == 0
    mirror.close()
