"""The fault is there before anything was read."""

import pytest

from convocore_mcp.sandbox import Dialect

from .fault_run import fault_run
from .fault_table import FAULTS, PAGE_FAULTS, Play

IN_BOTH_DIALECTS = ("400", "404", *PAGE_FAULTS)
"""The first request and its response are the same in both dialects, but for these: a page, and what
may mean that a limit is refused or that the list has ended."""
PLAYS = [("cursor", name) for name in FAULTS] + [("page", name) for name in IN_BOTH_DIALECTS]


@pytest.mark.parametrize(
    ("dialect", "play"),
    [pytest.param(dialect, FAULTS[name], id=f"{name}-{dialect}") for dialect, name in PLAYS],
)
async def test_a_fault_at_the_first_request_is_told_and_overcome(
    dialect: Dialect, play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never complete when it is not."""
    async with fault_run(dialect, play, log=caplog) as run:
        play(run.sandbox, 0)
        await run.check_answers_during()
        await run.check_truth_afterwards()
