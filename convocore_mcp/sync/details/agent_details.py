"""Reads the details of one agent's conversations in the background, after the list was read."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

import anyio

from convocore_mcp.errors import ApiError, ConvocoreError, ForbiddenError, UnauthorizedError
from convocore_mcp.models import DetailsState, DetailsTrial, ReadDetails, ReadScope, WantedDetails
from convocore_mcp.store.details.details_queue import DetailsQueue
from convocore_mcp.store.details.details_writer import DetailsWriter
from convocore_mcp.sync.details.asking import ask_for
from convocore_mcp.sync.details.details_parts import DetailsParts
from convocore_mcp.sync.details.plan import (
    DetailsAction,
    DetailsMode,
    missing_details,
    next_details_action,
    without_failed,
)
from convocore_mcp.sync.details.trial import Trial

log = logging.getLogger(__name__)

CONCURRENT_REQUESTS = 4
"""Requests for single conversations that run at the same time."""
TRIAL_WAIT_SECONDS = 0.5
"""Seconds that an answer waits for the first trial: five round trips, if none answers 404."""
LOCK = "details"
"""The kind of the sync lock: one process at a time reads the details of an agent."""


class AgentDetails:
    """Reads single conversations of one agent at a pace, the newest and the hottest first.

    Each version is asked for once; what was read is in the mirror, so another process goes on from
    there. `on_progress` is called when answers may have changed.
    """

    def __init__(
        self, agent_id: str, parts: DetailsParts, *, on_progress: Callable[[], None]
    ) -> None:
        self._agent_id = agent_id
        self._parts = parts
        self._on_progress = on_progress
        self._queue = DetailsQueue(parts.mirror.database)
        self._writer = DetailsWriter(parts.mirror)
        self._task: asyncio.Task[None] | None = None
        # A task's own `cancel` would abandon a thread that is using the database.
        self._cancel_scope = anyio.CancelScope()
        self._trial_ended = asyncio.Event()
        self._trial = Trial()
        self._nothing_to_do = False
        self._failed: set[str] = set()  # IDs; emptied when every wanted one has failed

    @property
    def off(self) -> bool:
        """Whether the settings say that no details are read."""
        return self._parts.plan.mode is DetailsMode.OFF

    async def state(self, scope: ReadScope) -> DetailsState:
        """How many details an answer lacks that depends on `scope`.

        Waits a moment for the first trial, which may show that the answer lacks nothing.
        """
        if not scope.details:
            return DetailsState()
        state = await self._state_now(scope)
        if state.pending and state.trial is None and self._task is not None:
            with anyio.move_on_after(TRIAL_WAIT_SECONDS):
                await self._trial_ended.wait()
            state = await self._state_now(scope)
        return state

    async def _state_now(self, scope: ReadScope) -> DetailsState:
        now, plan = self._parts.now(), self._parts.plan
        state = await self._parts.read_in_thread(
            self._queue.state,
            self._agent_id,
            since=None if scope.people else scope.since,
            people=scope.people,
            outdated_before=now - plan.outdated_after,
            now=now,
            with_bare=self.off,
            only=scope.conversation,
            count_if_full=plan.mode is DetailsMode.ALL,
        )
        return missing_details(self._parts.plan, state)

    def list_was_read(self) -> None:
        """Read the details that the list has made necessary, in the background."""
        self._nothing_to_do = False
        self.start_if_needed()

    def start_if_needed(self) -> None:
        """Start to read in the background what is still to be read, if there may be any."""
        if self.off or self._nothing_to_do or self._task is not None:
            return
        self._task = asyncio.create_task(self._perform())

    async def finish(self) -> None:
        """Wait until everything was read that can be read now."""
        self.list_was_read()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def aclose(self) -> None:
        """Stop reading, and wait until it has ended."""
        self._cancel_scope.cancel()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def trial_ended(self) -> None:
        """Wait until it is known whether details are needed, or why that can't be known now."""
        if self._task is not None:
            await self._trial_ended.wait()

    async def read_now(self, ids: Sequence[str]) -> bool:
        """Read the details of these conversations at once, where they are wanted.

        Returns whether there were any.

        Raises:
            ApiError: Convocore does not answer, or refuses single conversations.
        """
        if not await self._lacks_any():
            return False
        wanted = await self._parts.read_in_thread(self._queue.wanted_of, self._agent_id, ids)
        if wanted:
            await self._read(wanted, interval=0)
        return bool(wanted)

    async def is_wanted(self, conversation_id: str) -> bool:
        """Whether the details of this conversation are still to be read."""
        if not await self._lacks_any():
            return False
        read = self._parts.read_in_thread
        return bool(await read(self._queue.wanted_of, self._agent_id, [conversation_id]))

    async def _lacks_any(self) -> bool:
        if self.off:
            return False
        state = await self._state_now(ReadScope())
        return bool(state.pending or state.outdated)

    async def _perform(self) -> None:
        try:
            with self._cancel_scope:
                await self._perform_with_lock()
        except ConvocoreError as error:
            log.warning("Details can't be read (%s): %s", error.code, error.message)
        except Exception:  # nobody awaits this task: a bug must show here
            log.exception("Reading details failed because of a bug.")
        finally:
            self._task, self._nothing_to_do = None, True
            self._trial_ended.set()
            self._on_progress()

    async def _perform_with_lock(self) -> None:
        parts = self._parts
        lock = None
        # Shielded: a lock that was taken in the thread must reach the code that releases it.
        with anyio.CancelScope(shield=True):
            lock = await parts.lock_in_thread(parts.sync_locks.take, self._agent_id, LOCK)
        if lock is None:
            log.info("Another process reads the details of this agent.")
            return
        try:
            while not await self._act():
                await parts.lock_in_thread(lock.heartbeat)
        finally:
            with anyio.CancelScope(shield=True):
                await parts.lock_in_thread(lock.release)

    async def _act(self) -> bool:
        """Take the next action; returns whether there is nothing left to do."""
        parts = self._parts
        coverage = await parts.read_in_thread(parts.mirror.coverage, self._agent_id)
        state = await parts.read_in_thread(self._queue.state, self._agent_id)
        full_sync_at = coverage.full_sync_at
        action = next_details_action(parts.plan, state.trial, full_sync_at=full_sync_at)
        try:
            if action is DetailsAction.TRIAL and full_sync_at is not None:
                await self._continue_trial(full_sync_at, state.trial)
                return False
            if action is DetailsAction.NOTHING:
                return True
            return not (await self._read_batch() or await self._want_again())
        except ApiError as error:
            log.info("Details can't be read now: %s", error.message)
            await self._pause(error)
            return False

    async def _read_batch(self) -> bool:
        """Read the next details at the plan's pace; returns whether there were any."""
        self._trial_ended.set()
        wanted = await self._wanted(self._parts.plan.batch_size)
        if wanted:
            await self._read(wanted, interval=1 / self._parts.plan.per_second)
        return bool(wanted)

    async def _want_again(self) -> bool:
        """Note which details have become old; returns whether there are any."""
        parts, now = self._parts, self._parts.now()
        old = now - parts.plan.again_after
        read = parts.read_in_thread
        if not await read(self._queue.any_read_before, self._agent_id, old, now=now):
            return False
        write = parts.write_in_thread
        return bool(await write(self._writer.want_again, self._agent_id, old, now=now))

    async def _continue_trial(self, full_sync_at: datetime, before: DetailsTrial | None) -> None:
        """Ask for a few single conversations, and note the result once they show one."""
        trial, plan = self._trial, self._parts.plan
        interval = 0 if trial.is_short else 1 / plan.per_second
        try:
            wanted = await self._wanted_for_trial()
            read, added = await self._read(wanted, interval=interval) if wanted else ([], 0)
            result = trial.result_with(read, added=added, exhausted=not wanted, before=before)
        except (ForbiddenError, UnauthorizedError):
            result = trial.result_of_refusal()
        if result is not None:
            self._trial = Trial()
            await self._parts.write_in_thread(
                self._writer.note_trial, self._agent_id, full_sync_at=full_sync_at, result=result
            )
        if result is not None or not trial.is_short:
            self._trial_ended.set()

    async def _wanted_for_trial(self) -> list[WantedDetails]:
        """What a trial asks for next: what may be found before what is hardly ever found.

        Further rows are queued before all are read: with none pending, answers would be complete.
        """
        count = 2 * CONCURRENT_REQUESTS
        wanted = await self._wanted(count, findable=True)
        if len(wanted) < count:
            prepare = self._writer.prepare_trial
            await self._parts.write_in_thread(prepare, self._agent_id, findable=True)
            wanted = await self._wanted(count, findable=True)
        if not wanted and self._trial.is_short:
            wanted = await self._wanted(CONCURRENT_REQUESTS)
        return wanted[:CONCURRENT_REQUESTS]

    async def _wanted(self, limit: int, *, findable: bool = False) -> list[WantedDetails]:
        more, read = limit + len(self._failed), self._parts.read_in_thread
        wanted = await read(self._queue.wanted, self._agent_id, limit=more, findable=findable)
        return without_failed(wanted, self._failed, limit=limit)

    async def _read(
        self, wanted: Sequence[WantedDetails], *, interval: float
    ) -> tuple[list[ReadDetails], int]:
        """Ask for each, `interval` seconds apart, and save what comes, also if one fails.

        Returns the answers, and how many of them hold anything that their rows lack.

        Raises:
            ApiError: the first failure that is not the record's own.
        """
        answers, errors = list[ReadDetails](), list[ApiError]()
        limiter = anyio.CapacityLimiter(CONCURRENT_REQUESTS)
        read_at = self._parts.now()

        async def ask(each: WantedDetails) -> None:
            async with limiter:
                if not errors:
                    try:
                        answers.append(await ask_for(each, self._agent_id, self._parts.upstream))
                    except ApiError as error:
                        errors.append(error)
                        self._failed.add(each.id)

        async with anyio.create_task_group() as group:
            for each in wanted:
                group.start_soon(ask, each)
                await self._parts.sleep(interval)
        added = await self._save(answers, read_at)
        if errors:
            raise errors[0]
        return answers, added

    async def _save(self, answers: Sequence[ReadDetails], read_at: datetime) -> int:
        if not answers:
            return 0
        parts = self._parts
        plan = parts.plan
        of_older = min(read_at, read_at - plan.again_after + plan.retry_after)
        added = await parts.write_in_thread(
            self._writer.save, self._agent_id, answers, at=read_at, at_of_older=of_older
        )
        await parts.write_in_thread(parts.mirror.rebuild_leads, self._agent_id)
        return added

    async def _pause(self, error: ApiError) -> None:
        self._trial_ended.set()
        seconds = self._parts.plan.retry_after.total_seconds()
        await self._parts.sleep(max(seconds, error.retry_after or 0))
