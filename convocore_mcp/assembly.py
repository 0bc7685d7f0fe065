"""The composition root: builds the parts from the settings and hands them to each other.

This module imports everything. So a server on stdio imports it only when the first question needs
it (`cli.serve`).
"""

import asyncio
import functools
import gc
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import anyio.to_thread

from convocore_mcp.api.client import ConvocoreClient, Limits
from convocore_mcp.api.conversation_record import ConversationRecord
from convocore_mcp.api.key_check import check_key
from convocore_mcp.configuration import (
    add_stored_key,
    mirror_location,
    read_settings,
    require_key,
    time_zone,
)
from convocore_mcp.errors import ForeignMirrorError, MirrorError
from convocore_mcp.leads.affected import merge_affected
from convocore_mcp.leads.due_dates import due_dates_of_row
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.leads.resolve import resolve
from convocore_mcp.server.answering import Answers
from convocore_mcp.server.answers.field_table import field_table
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.privacy.private_answers import Privacy
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.settings import Settings
from convocore_mcp.store.changes.change_feed import ChangeFeed
from convocore_mcp.store.database.engine import Database, open_database
from convocore_mcp.store.database.sync_locks import SyncLocks, sync_locks_for
from convocore_mcp.store.details.details_queue import DetailsQueue
from convocore_mcp.store.details.transcript_cache import TranscriptCache
from convocore_mcp.store.engines.database_threads import DatabaseThreads
from convocore_mcp.store.field_queries.row_reader import RowReader
from convocore_mcp.store.read.change_log import ChangeLog
from convocore_mcp.store.read.completion import CompletionReader
from convocore_mcp.store.read.mirror_reader import MirrorReader
from convocore_mcp.store.read.personal_data import PersonalData
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules
from convocore_mcp.sync.agent_sync import SyncParts
from convocore_mcp.sync.agent_syncs import AgentSyncs
from convocore_mcp.sync.decisions import Schedule
from convocore_mcp.sync.details.merge_records import merge_details
from convocore_mcp.sync.details.on_demand import OnDemandDetails
from convocore_mcp.sync.details.plan import DetailsMode, DetailsPlan
from convocore_mcp.sync.details.read_fields import read_fields
from convocore_mcp.sync.details.transcript_reader import TranscriptReader
from convocore_mcp.sync.page_writer import RunInThread, SyncLimits
from convocore_mcp.sync.watch import Watch

RULES = Rules(
    keys=derive_keys,
    merge_affected=merge_affected,
    due_dates=due_dates_of_row,
    merge_details=merge_details,
)
READERS, WRITERS, LOCKERS = 4, 1, 4
"""Threads for the database: several may read at a time, but SQLite has one writer. Taking a sync
lock and its heartbeats may have to wait for that writer, and must not keep others from reading."""
LAST_CALLS_SECONDS = 0.5
"""How long calls under way may take at the end before the database is given up."""
utc_now = functools.partial(datetime.now, UTC)
"""The present time in UTC."""
OnResponse = Callable[[str], None]
"""Receives the status of each response of Convocore, or the name of the error instead."""


@dataclass(slots=True)
class Assembly:
    """Builds what the tools work with (`server.protocols.Assembly`).

    `overrides` are settings that take precedence over the environment.
    """

    overrides: Mapping[str, Any]
    on_response: OnResponse | None = None
    may_replace_mirror: bool = True
    """Whether the mirror of another key is set aside once Convocore has accepted ours."""
    _read_settings: Settings | None = field(default=None, init=False)

    async def build_backend(self) -> Backend:
        """Read the settings, open the mirror and connect the parts.

        Raises:
            NotConfiguredError: the key or the agent is missing, or a setting is wrong.
            MirrorError: the mirror can't be opened.
            ApiError: the mirror belongs to another key, and Convocore does not accept ours.
        """
        # In threads: reading files takes a moment, in which pings should be answered.
        settings = await anyio.to_thread.run_sync(add_stored_key, await self._settings())
        connect = functools.partial(_connect, settings, self.on_response)
        try:
            backend = await anyio.to_thread.run_sync(connect)
        except ForeignMirrorError:
            if not (self.may_replace_mirror and isinstance(mirror_location(settings)[0], Path)):
                raise
            # A mistyped key must not cost anybody their mirror.
            await check_key(_client(settings), settings.agent_id)
            backend = await anyio.to_thread.run_sync(
                functools.partial(connect, replace_foreign=True)
            )
        tune_garbage_collection()
        return backend

    async def configured_agents(self) -> tuple[str, ...]:
        """The agents that the settings name.

        Raises:
            NotConfiguredError: a setting is wrong.
        """
        return (await self._settings()).agent_id

    async def answer_seconds(self) -> float:
        """Within how many seconds a call answers.

        Raises:
            NotConfiguredError: a setting is wrong.
        """
        return (await self._settings()).wait_seconds

    async def audit_log(self) -> str | None:
        """Where the audit log is written: a file, `stderr`, or nowhere.

        Raises:
            NotConfiguredError: a setting is wrong.
        """
        return (await self._settings()).audit_log

    async def _settings(self) -> Settings:
        """The settings, without a look into the keyring."""
        if self._read_settings is None:
            self._read_settings = await anyio.to_thread.run_sync(read_settings, self.overrides)
        return self._read_settings

    def record_schema(self) -> JsonObject:
        """The JSON Schema of a conversation record, as the resource gives it."""
        return ConversationRecord.model_json_schema(by_alias=False, mode="serialization")

    def field_table(self) -> JsonObject:
        """The table of fields, as the resource gives it."""
        return field_table()


def tune_garbage_collection() -> None:
    """Exempt what exists now from garbage collection, and collect less often.

    What exists now stays; scanning it would stop every call for 70 ms each time. A batch of a sync
    makes many thousands of objects, which all go at its end without being collected.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


class _Threads(NamedTuple):
    """The threads for each kind of call."""

    read: DatabaseThreads
    write: DatabaseThreads
    lock: DatabaseThreads


@dataclass(frozen=True, slots=True)
class _Resources:
    """What must be closed when the server ends, in this order."""

    watch: Watch
    syncs: AgentSyncs
    transcripts: TranscriptReader
    client: ConvocoreClient
    locks: SyncLocks
    threads: _Threads
    mirror: MirrorWriter

    async def aclose(self) -> None:
        give_up = self.mirror.database.give_up
        last_call = asyncio.get_running_loop().call_later(LAST_CALLS_SECONDS, give_up)
        await self.watch.aclose()
        await self.syncs.aclose()
        await self.transcripts.aclose()
        await self.client.aclose()
        for threads in self.threads:
            await threads.finish()
        last_call.cancel()
        await anyio.to_thread.run_sync(self.locks.close)
        await anyio.to_thread.run_sync(self.mirror.close)


def _connect(
    settings: Settings, on_response: OnResponse | None, *, replace_foreign: bool = False
) -> Backend:
    location, owner = mirror_location(settings)
    client = _client(settings, on_response)  # first: a wrong proxy should leave no open mirror
    database = open_database(location, owner=owner, replace_foreign=replace_foreign)
    mirror = MirrorWriter(database, RULES, zone=time_zone(settings), kept=settings.kept)
    with suppress(MirrorError):  # another process is writing: the next sync does it
        mirror.retention.erase_old(settings.agent_id, mirror.rebuild_leads, now=utc_now())
    locks = sync_locks_for(location, database)
    threads = _Threads(*(DatabaseThreads(database, n) for n in (READERS, WRITERS, LOCKERS)))
    read = threads.read.run
    syncs = _agent_syncs(settings, client, mirror, locks, threads)
    watch = Watch(syncs, interval=settings.incremental_after, now=utc_now)
    mirror_reader = MirrorReader(database)
    transcripts = _transcripts(client, database, threads)
    return Backend(
        agents=settings.agent_id,
        region=settings.region,
        mirror_reader=mirror_reader,
        rows=RowReader(database),
        zone=time_zone(settings),
        change_log=ChangeLog(database),
        change_feed=ChangeFeed(database),
        completion_reader=CompletionReader(database),
        find_person=functools.partial(resolve, mirror_reader),
        syncs=syncs,
        watch=watch,
        refresh_interval=settings.incremental_after,
        details=OnDemandDetails(syncs, mirror_reader, read_in_thread=read, now=utc_now),
        transcripts=transcripts,
        read_fields=read_fields,
        coverage=mirror.coverage,
        details_state=None if settings.details == "off" else DetailsQueue(database).state,
        now=utc_now,
        read=read,
        read_one_state=threads.read.run_in_snapshot,
        answer_seconds=settings.wait_seconds,
        privacy=_privacy(settings, database, read),
        close=_Resources(watch, syncs, transcripts, client, locks, threads, mirror).aclose,
        make_answers=Answers,
        answer_state=syncs.answer_state,
    )


def _privacy(settings: Settings, database: Database, read: RunInThread) -> Privacy | None:
    if settings.pii == "full":
        return None
    return Privacy(PersonalData(database), read, settings.agent_id, left_out=settings.pii == "none")


def _transcripts(
    client: ConvocoreClient, database: Database, threads: _Threads
) -> TranscriptReader:
    cache, read, write = TranscriptCache(database), threads.read.run, threads.write.run
    return TranscriptReader(client, cache, now=utc_now, read_in_thread=read, write_in_thread=write)


def _client(settings: Settings, on_response: OnResponse | None = None) -> ConvocoreClient:
    return ConvocoreClient.from_url(
        settings.server,
        require_key(settings),
        version=version("convocore-mcp"),
        now=utc_now,
        limits=Limits(sensitive=settings.store_sensitive),
        on_result=on_response,
    )


def _agent_syncs(
    settings: Settings,
    client: ConvocoreClient,
    mirror: MirrorWriter,
    locks: SyncLocks,
    threads: _Threads,
) -> AgentSyncs:
    return AgentSyncs(
        SyncParts(
            upstream=client,
            health=client.throttle,
            mirror=mirror,
            sync_locks=locks,
            now=utc_now,
            write_in_thread=threads.write.run,
            read_in_thread=threads.read.run,
            lock_in_thread=threads.lock.run,
            schedule=Schedule.for_answers_within(
                settings.wait_seconds,
                incremental_after=settings.incremental_after,
                full_after=settings.full_after,
            ),
            limits=SyncLimits(settings.max_rows, timedelta(seconds=settings.max_sync_seconds)),
            details=DetailsPlan(
                DetailsMode(settings.details), settings.details_per_second, settings.full_after
            ),
        )
    )
