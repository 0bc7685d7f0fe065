"""The parts of a running server: built at the first question, and shared by all calls."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import anyio
import anyio.to_thread

from convocore_mcp.errors import ConvocoreError, no_agent
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.calls.answer_cache import AnswerCache
from convocore_mcp.server.calls.deadline import Deadline
from convocore_mcp.server.protocols import (
    Assembly,
    ReportProgress,
    SendProgress,
    Syncs,
)
from convocore_mcp.words.counted import counted

if TYPE_CHECKING:  # for annotations only: listing the tools must not wait for these imports
    from mcp.server.context import HandlerResult
    from mcp.server.mcpserver import Context

    from convocore_mcp.models import Freshness, ReadScope
    from convocore_mcp.server.protocols import SyncResult
    from convocore_mcp.server.sanitize import JsonObject

log = logging.getLogger(__name__)

SECONDS_BETWEEN_REPORTS = 0.25
"""Pages may arrive faster than anybody looks at a progress bar."""


class ReportingSyncs:
    """The syncs of a backend, with progress sent to the client whose call waits for them."""

    def __init__(self, syncs: Syncs, send: SendProgress, *, patient: bool) -> None:
        self._syncs = syncs
        self._send = send
        self._patient = patient
        self._reported_rows = 0
        self._next_report_at = 0.0

    async def ensure_fresh(
        self,
        agent_id: str,
        scope: "ReadScope",
        /,
        *,
        report_progress: ReportProgress | None = None,
        patient: bool = False,
    ) -> "Freshness":
        """As `Syncs.ensure_fresh`."""
        report = report_progress or self._report
        return await self._syncs.ensure_fresh(
            agent_id, scope, report_progress=report, patient=patient or self._patient
        )

    async def sync(
        self,
        agent_id: str,
        /,
        *,
        full: bool = True,
        report_progress: ReportProgress | None = None,
        on_lock_wait: Callable[[], None] | None = None,
    ) -> "SyncResult":
        """As `Syncs.sync`."""
        report = report_progress or self._report
        return await self._syncs.sync(
            agent_id, full=full, report_progress=report, on_lock_wait=on_lock_wait
        )

    async def _report(self, rows: int) -> None:
        now = asyncio.get_running_loop().time()
        # The protocol wants progress to grow, and an incremental sync may bring no new rows.
        if rows > self._reported_rows and now >= self._next_report_at:
            self._reported_rows, self._next_report_at = rows, now + SECONDS_BETWEEN_REPORTS
            await self._send(
                rows, None, f"Reading Convocore: {counted(rows, 'conversation')} so far"
            )


class App:
    """Holds the backend for the server's lifetime.

    `load` imports and returns the assembly. It is called once and in a thread, at the first need.
    """

    def __init__(self, load: Callable[[], Assembly], *, version: str) -> None:
        self.version = version
        self._load = load
        self._assembly: Assembly | None = None
        self._backend: Backend | None = None
        self._answers: AnswerCache[HandlerResult] = AnswerCache(keep=_is_answer)
        self._audit_log: str | Literal[False] | None = False  # until the settings were read
        self._loading = anyio.Lock()
        self._building: asyncio.Task[Backend] | None = None

    async def agents(self) -> Sequence[str]:
        """The configured agents. Does not open the mirror.

        Raises:
            NotConfiguredError: a setting is wrong.
        """
        if self._backend is not None:
            return self._backend.agents
        return await (await self._loaded()).configured_agents()

    async def audit_log(self) -> str | None:
        """Where the audit log is written; `None` if nowhere. Does not open the mirror.

        Raises:
            NotConfiguredError: a setting is wrong.
        """
        if self._audit_log is False:
            self._audit_log = await (await self._loaded()).audit_log()
        return self._audit_log

    async def record_schema(self) -> "JsonObject":
        """The JSON Schema of a conversation record. Does not open the mirror."""
        return (await self._loaded()).record_schema()

    async def field_table(self) -> "JsonObject":
        """The table of fields. Does not open the mirror."""
        return (await self._loaded()).field_table()

    async def backend(
        self, send_progress: SendProgress | None = None, *, patient: bool = False
    ) -> Backend:
        """The backend for one call, whose deadline begins now; built at the first call.

        `send_progress` receives the progress of syncs. A `patient` caller waits longer for a sync
        than others. All callers who wait while the backend is built get it, or the same error.

        Raises:
            NotConfiguredError: a setting is missing or wrong; the next call reads them again.
            MirrorError: the mirror can't be opened, or not in time.
        """
        since = anyio.current_time()
        backend = self._backend
        if backend is None:
            seconds = await (await self._loaded()).answer_seconds()
            with Deadline(seconds, patient=patient, since=since).enforced(opening=True):
                backend = await self._built()
        if not backend.agents:
            raise no_agent()
        deadline = Deadline(backend.answer_seconds, patient=patient, since=since)
        syncs = backend.syncs
        if send_progress is not None:
            syncs = ReportingSyncs(syncs, send_progress, patient=patient)
        return replace(backend, deadline=deadline, syncs=syncs)

    async def _built(self) -> Backend:
        """The backend, built by the first call; building goes on if nobody waits any more."""
        if self._building is None:
            self._building = asyncio.create_task(self._build())
            self._building.add_done_callback(_note_failure)
        try:
            return await asyncio.shield(self._building)
        except ConvocoreError as error:
            # Each raise of the shared error would make its traceback longer.
            raise error.with_traceback(None) from error.__cause__

    async def _build(self) -> Backend:
        try:
            self._backend = await (await self._loaded()).build_backend()
            return self._backend
        finally:
            self._building = None

    async def answer_once(
        self, question: Hashable, make: Callable[[], Awaitable["HandlerResult"]]
    ) -> "HandlerResult":
        """What `make` answers, or has answered to `question` while nothing has changed since."""
        state = None if self._backend is None else await self._backend.answer_state()
        return await self._answers.get(state, question, make)

    async def aclose(self) -> None:
        """Stop syncing and close the mirror."""
        if self._building is not None:
            await asyncio.wait([self._building])
        if self._backend is not None:
            await self._backend.close()
            self._backend = None

    async def _loaded(self) -> Assembly:
        async with self._loading:
            if self._assembly is None:
                # Imports take a moment, in which the event loop should answer pings.
                self._assembly = await anyio.to_thread.run_sync(self._load)
            return self._assembly


def _is_answer(result: "HandlerResult") -> bool:
    """Whether the result of a call, as it is sent, is an answer and no error."""
    return isinstance(result, dict) and not result.get("isError")


def _note_failure(building: "asyncio.Task[Backend]") -> None:
    """Log why the mirror could not be opened: those who waited may have gone."""
    if not building.cancelled() and (error := building.exception()) is not None:
        log.info("The mirror was not opened: %s", error)


async def backend_for(ctx: "Context[App]") -> Backend:
    """The backend for a request; a client that asked for progress waits longer, and receives it.

    Raises:
        NotConfiguredError, MirrorError: as `App.backend`.
    """
    asked = (ctx.request_context.meta or {}).get("progress_token") is not None
    app = ctx.request_context.lifespan_context
    return await app.backend(ctx.report_progress, patient=asked)
