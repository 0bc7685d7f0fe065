"""The fault begins when most of the list was read for the first time."""

import pytest

from convocore_mcp.sandbox import Dialect

from .fault_run import both_dialects, every_fault, fault_run, rarer_fault
from .fault_table import BeginFault

FIRST_PAGES = 2
"""Of three."""


@both_dialects
@every_fault
async def test_a_fault_amid_a_full_sync_leaves_no_half_list_that_is_called_complete(
    dialect: Dialect, begin_fault: BeginFault, caplog: pytest.LogCaptureFixture
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never complete when it is not."""
    async with fault_run(dialect, begin_fault, log=caplog) as run:
        begin_fault(run.sandbox, FIRST_PAGES)
        await run.check_answers_during()
        await run.check_truth_afterwards()


@rarer_fault
async def test_a_rarer_fault_is_reported_and_overcome(
    begin_fault: BeginFault, caplog: pytest.LogCaptureFixture
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never complete when it is not."""
    async with fault_run("cursor", begin_fault, log=caplog) as run:
        begin_fault(run.sandbox, FIRST_PAGES)
        await run.check_answers_during()
        await run.check_truth_afterwards()
