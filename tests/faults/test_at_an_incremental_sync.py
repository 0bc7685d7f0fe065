"""The fault is there when the mirror is full, and there is news."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from .fault_run import FaultRun, every_fault, fault_run
from .fault_table import SILENT, BeginFault


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """The server runs on asyncio; one loop for all tests of the module."""
    return "asyncio"


@pytest.fixture(scope="module", params=["cursor", "page"])
async def reader(request: pytest.FixtureRequest) -> AsyncIterator[FaultRun]:
    """A server that has read everything. It meets one fault after another, as a server does."""
    # Each test adds a conversation.
    async with fault_run(request.param, incremental_after=0, page_size=10) as run:
        await run.check_truth_afterwards()
        yield run


@every_fault
async def test_a_fault_at_an_incremental_sync_hides_nothing_new(
    reader: FaultRun, begin_fault: BeginFault, caplog: pytest.LogCaptureFixture
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never complete when it is not."""
    async with AsyncExitStack() as stack:
        run = reader
        if begin_fault in SILENT:  # needs a server whose calls wait for a short time
            run = await stack.enter_async_context(
                fault_run(reader.dialect, begin_fault, incremental_after=0)
            )
            await run.check_truth_afterwards()
        run.log = caplog
        *_, old = run.sandbox.rows()
        run.sandbox.touch(old["ID"], messagesNum=99)
        run.sandbox.insert(userName="New")
        begin_fault(run.sandbox, 0)
        await run.check_answers_during()
        await run.check_truth_afterwards()
