"""A sync fails half-way: what was read counts, and the answer says what is missing."""

import pytest
from sqlalchemy import Table, func, select

from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.store.database.schema import dirty_conversations, leads

from .sync_harness import SyncHarness, running_harness

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])


def count(harness: SyncHarness, table: Table) -> int:
    with harness.mirror.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


@BOTH_DIALECTS
async def test_the_leads_of_what_was_read_are_there_when_reading_failed(dialect: Dialect) -> None:
    """Promised by docs/architecture.md, "The mirror": leads follow rows, always."""
    sandbox = Sandbox(size=200, dialect=dialect, max_limit=20)
    async with running_harness(sandbox) as harness:
        sandbox.fail_next(503, after=4, times=1000)
        freshness = await harness.ensure_fresh()
        read = len(harness.mirror_rows)
        assert 20 <= read < 200
        assert count(harness, leads) > 0
        assert count(harness, dirty_conversations) == 0
        assert freshness.complete is False
        assert freshness.notes[0].startswith(f"The first full sync has stopped after {read} ")
        assert any("Convocore can't be read now" in note for note in freshness.notes)


async def test_new_rows_that_cannot_be_written_are_not_passed_off_as_known() -> None:
    """Promised by docs/contract.md, "Rules for every answer": never marked complete when it is not.

    The database is full: SQLite refuses to let it grow.
    """
    sandbox = Sandbox(size=200)
    async with running_harness(sandbox) as harness:
        await harness.sync()
        assert (await harness.ensure_fresh()).complete
        for _ in range(100):
            sandbox.insert(userName="New", summary="many words " * 100)
        harness.clock.advance(minutes=1)
        limit_pages(harness, 1)  # SQLite takes the present size instead
        freshness = await harness.ensure_fresh()
        assert freshness.complete is False
        assert any("The mirror can't be updated now" in note for note in freshness.notes)

        limit_pages(harness, 2**30)
        harness.clock.advance(minutes=1)
        assert (await harness.ensure_fresh()).complete
        assert harness.mirror_rows == harness.upstream_rows


def limit_pages(harness: SyncHarness, pages: int) -> None:
    with harness.mirror.database.reading() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
