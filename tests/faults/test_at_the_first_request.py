"""The fault is there before anything was read."""

import pytest

from convocore_mcp.sandbox import Dialect

from .fault_run import both_dialects, every_fault, fault_run
from .fault_table import BeginFault


@both_dialects
@every_fault
async def test_a_fault_at_the_first_request_is_reported_and_overcome(
    dialect: Dialect, begin_fault: BeginFault, caplog: pytest.LogCaptureFixture
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never complete when it is not."""
    async with fault_run(dialect, begin_fault, log=caplog) as run:
        begin_fault(run.sandbox, 0)
        await run.check_answers_during()
        await run.check_truth_afterwards()
