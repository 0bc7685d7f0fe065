"""A server that meets a fault: what it may answer meanwhile, and what it must know afterwards."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import pytest

from convocore_mcp.api.throttle import Throttle
from convocore_mcp.errors import ConvocoreError
from convocore_mcp.sandbox import Dialect, Sandbox
from tests.api.api_client import Clock, shared_server
from tests.faults.fault_table import FAULTS, RARER_FAULTS, SILENT, BeginFault
from tests.tool_client import Answer, ToolClient, connected, text_of
from tests.truth.oracle import rfc3339, seconds

T = TypeVar("T")

WAIT_SECONDS, SILENT_WAIT_SECONDS = 20.0, 0.6
NO_SYNC_SECONDS = 36_000
MIN_DEADLINE_SECONDS, MAX_DELAY_SECONDS = 3.0, 8.0
"""Seconds: the shortest deadline of a call (`server.calls.deadline`), and how late it may be on a
busy machine."""
SIZE = 12
MAX_QUESTIONS = 20
"""After this many questions an answer is complete, if each reads what it can in its short time."""
UPSTREAM_CODES = {
    "unauthorized", "forbidden", "not_found", "rate_limited", "upstream_unavailable",
    "upstream_invalid",
}  # fmt: skip
"""The error codes of Convocore's faults, which are never bugs of ours or faults of the mirror."""
FIELDS = ["last_activity", "messages"]
Truth = dict[str, tuple[str, int]]
"""When each conversation was last active, and how many messages it has."""

every_fault = pytest.mark.parametrize("begin_fault", FAULTS.values(), ids=FAULTS)
rarer_fault = pytest.mark.parametrize("begin_fault", RARER_FAULTS.values(), ids=RARER_FAULTS)
both_dialects = pytest.mark.parametrize("dialect", ["cursor", "page"])


def truth_of(sandbox: Sandbox) -> Truth:
    """What Convocore would say."""
    return {
        row["ID"]: (rfc3339(seconds(row["ts"]) or 0), int(row["messagesNum"]))
        for row in sandbox.rows()
    }


class FaultRun:
    """One server that reads one sandbox. Time passes for its requests only where they wait."""

    def __init__(
        self,
        sandbox: Sandbox,
        tools: ToolClient,
        clock: Clock,
        wait_seconds: float,
        dialect: Dialect,
    ) -> None:
        self.sandbox = sandbox
        self.dialect = dialect
        self.log: pytest.LogCaptureFixture | None = None
        """What the test of the present fault has logged."""
        self._tools = tools
        self._clock = clock
        self._max_call_seconds = max(MIN_DEADLINE_SECONDS, wait_seconds) + MAX_DELAY_SECONDS

    async def check_answers_during(self) -> None:
        """Every answer is in time, complete only if it is the truth, and no bug of ours."""
        truth = truth_of(self.sandbox)
        await self._shown_or_refused(truth)
        await self._answer_or_error("get_lead", lead=next(iter(truth)))
        await self._answer_or_error("conversation_stats")
        await self._shown_or_refused(truth)
        self._check_log()

    async def check_truth_afterwards(self) -> None:
        """Once the fault is over, one or two syncs bring back the truth, and all of it."""
        self.sandbox.end_faults()
        self._clock.time += 1_000
        backend = await self._tools.app.backend()
        with suppress(ConvocoreError):  # the run that the fault has spoilt may still be under way
            await backend.syncs.sync(self.sandbox.agent_id)
        complete, shown = await self._shown()
        if not complete:
            await backend.syncs.sync(self.sandbox.agent_id)
        for _ in range(MAX_QUESTIONS):
            if complete:
                break
            complete, shown = await self._shown()
        assert complete
        assert shown == truth_of(self.sandbox)
        self._check_log()

    async def _shown_or_refused(self, truth: Truth) -> None:
        first = await self._answer_or_error("list_conversations", limit=100, fields=FIELDS)
        if "error" not in first and first["freshness"]["complete"]:
            complete, shown = await self._shown()
            assert shown == truth or not complete
            assert first["total"] == len(truth)

    async def _shown(self) -> tuple[bool, Truth]:
        """Whether the list says that it is complete, and all of it."""
        pages = await self._in_time(self._tools.pages(limit=100, fields=FIELDS))
        rows = [row for page in pages for row in page["conversations"]]
        assert len(rows) == len({row["id"] for row in rows})
        complete = all(page["freshness"]["complete"] for page in pages)
        return complete, {row["id"]: (row["last_activity"], row["messages"]) for row in rows}

    async def _answer_or_error(self, tool: str, **arguments: Any) -> Answer:
        result = await self._in_time(self._tools.call(tool, **arguments))
        body: Answer = json.loads(text_of(result))
        if result.is_error:
            assert body["error"]["code"] in UPSTREAM_CODES, body
            assert body["error"]["message"]
            assert body["error"]["hint"]
        return body

    async def _in_time(self, call: Awaitable[T]) -> T:
        clock = asyncio.get_running_loop().time
        begin = clock()
        result = await call
        assert clock() - begin < self._max_call_seconds
        return result

    def _check_log(self) -> None:
        """A sync that fails in the background by a bug shows only in the log."""
        records = self.log.records if self.log is not None else ()
        bugs = [record.getMessage() for record in records if record.levelno >= logging.ERROR]
        assert bugs == []


@asynccontextmanager
async def fault_run(
    dialect: Dialect,
    begin_fault: BeginFault | None = None,
    *,
    log: pytest.LogCaptureFixture | None = None,
    incremental_after: float = NO_SYNC_SECONDS,
    page_size: int = 4,
) -> AsyncIterator[FaultRun]:
    """A server that will meet the fault that `begin_fault` begins, and a small paged sandbox.

    It has read nothing yet. Its calls wait long, except where the fault is that nothing comes. Once
    the list has been read, a question starts an incremental sync after `incremental_after` seconds.
    """
    sandbox, clock = Sandbox(size=SIZE, dialect=dialect, max_limit=page_size), Clock()
    with pytest.MonkeyPatch.context() as patch, shared_server().connected(sandbox) as url:
        # Only the clock of the real throttle is another: it may have to wait for minutes.
        patch.setattr(
            "convocore_mcp.api.client.Throttle",
            lambda: Throttle(clock=clock, sleep=clock.sleep),
        )
        wait_seconds = SILENT_WAIT_SECONDS if begin_fault in SILENT else WAIT_SECONDS
        settings: dict[str, Any] = {
            "wait_seconds": wait_seconds,
            "incremental_sync_seconds": incremental_after,
        }
        async with connected(sandbox, base_url=url, **settings) as tools:
            try:
                run = FaultRun(sandbox, tools, clock, wait_seconds, dialect)
                run.log = log
                yield run
            finally:
                sandbox.end_faults()
