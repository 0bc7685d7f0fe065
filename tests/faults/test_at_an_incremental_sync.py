"""The fault is there when the mirror is full, and there is news."""

import pytest

from convocore_mcp.sandbox import Dialect

from .fault_run import both_dialects, every_fault, fault_run
from .fault_table import Play


@both_dialects
@every_fault
async def test_a_fault_at_an_incremental_sync_hides_no_news(
    dialect: Dialect, play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never complete when it is not."""
    async with fault_run(dialect, play, caplog, news_after=0) as run:
        await run.check_truth_afterwards()
        *_, old = run.sandbox.rows()
        run.sandbox.touch(old["ID"], messagesNum=99)
        run.sandbox.insert(userName="New")
        play(run.sandbox, 0)
        await run.check_answers_during()
        await run.check_truth_afterwards()
