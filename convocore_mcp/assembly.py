"""The composition root: builds the parts from the settings and hands them to each other.

It imports everything, so a server on stdio imports it only when the first question needs it
(`cli.serve`).
"""

import functools
import gc
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import anyio
import anyio.to_thread
import tzlocal
from pydantic import ValidationError

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.api.conversation_record import ConversationRecord
from convocore_mcp.errors import (
    ApiError,
    ForeignMirrorError,
    NotConfiguredError,
    UnavailableError,
)
from convocore_mcp.leads.affected import merge_affected
from convocore_mcp.leads.due_dates import due_dates_of_row
from convocore_mcp.leads.keys import derive_keys
from convocore_mcp.leads.resolve import resolve
from convocore_mcp.server.answering import Answers
from convocore_mcp.server.answers.field_table import field_table
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.settings import Settings, store_location
from convocore_mcp.store.changes.change_feed import ChangeFeed
from convocore_mcp.store.database.engine import Database, open_database
from convocore_mcp.store.database.sync_locks import SyncLocks, sync_locks_for
from convocore_mcp.store.details.transcript_cache import TranscriptCache
from convocore_mcp.store.field_queries.row_reader import RowReader
from convocore_mcp.store.read.change_log import ChangeLog
from convocore_mcp.store.read.completion import CompletionReader
from convocore_mcp.store.read.mirror_reader import MirrorReader
from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules
from convocore_mcp.sync.agent_sync import SyncParts
from convocore_mcp.sync.agent_syncs import AgentSyncs
from convocore_mcp.sync.decisions import Schedule
from convocore_mcp.sync.details.merge_records import merge_details
from convocore_mcp.sync.details.on_demand import OnDemandDetails
from convocore_mcp.sync.details.plan import DetailsMode, DetailsPlan
from convocore_mcp.sync.details.read_fields import read_fields
from convocore_mcp.sync.details.transcript_reader import TranscriptReader
from convocore_mcp.sync.page_writer import SyncLimits
from convocore_mcp.sync.watch import Watch

P = ParamSpec("P")
T = TypeVar("T")

RULES = Rules(
    keys=derive_keys,
    merge_affected=merge_affected,
    due_dates=due_dates_of_row,
    merge_details=merge_details,
)
KEY_CHECK_SECONDS = 3.0
"""Time for checking a key: a call answers within four seconds."""
READERS, WRITERS = 4, 1
"""Threads for the database: several may read at a time, but SQLite has one writer."""
OnResponse = Callable[[str], None]
"""Receives the status of each response of Convocore, or the name of the error instead."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """Builds what the tools work with (`server.protocols.Assembly`).

    `overrides` are settings that take precedence over the environment.
    """

    overrides: Mapping[str, Any]
    on_response: OnResponse | None = None
    may_replace_mirror: bool = True
    """Whether the mirror of another key is set aside once Convocore has accepted ours."""

    async def build_backend(self) -> Backend:
        """Read the settings, open the mirror and connect the parts.

        Raises:
            NotConfiguredError: the key or the agent is missing, or a setting is wrong.
            MirrorError: the mirror can't be opened.
            ApiError: the mirror belongs to another key, and Convocore does not accept ours.
        """
        # In threads: reading and opening files takes a moment, in which pings should be answered.
        settings = await anyio.to_thread.run_sync(read_settings, self.overrides)
        connect = functools.partial(_connect, settings, self.on_response)
        try:
            backend = await anyio.to_thread.run_sync(connect)
        except ForeignMirrorError:
            if not (self.may_replace_mirror and isinstance(mirror_location(settings)[0], Path)):
                raise
            # A mistyped key must not cost anybody their mirror.
            await _check_key(settings)
            accepted = functools.partial(connect, replace_foreign=True)
            backend = await anyio.to_thread.run_sync(accepted)
        gc.freeze()  # what exists now stays; scanning it would stop every call for 70 ms each time
        return backend

    async def configured_agents(self) -> tuple[str, ...]:
        """The agents that the settings name.

        Raises:
            NotConfiguredError: a setting is wrong.
        """
        settings = await anyio.to_thread.run_sync(read_settings, self.overrides)
        return settings.agent_id

    def record_schema(self) -> JsonObject:
        """The JSON Schema of a conversation record, as the resource gives it."""
        return ConversationRecord.model_json_schema(by_alias=False, mode="serialization")

    def field_table(self) -> JsonObject:
        """The table of fields, as the resource gives it."""
        return field_table()


def read_settings(overrides: Mapping[str, Any]) -> Settings:
    """The settings: `overrides` first, then the environment. Sets the log level.

    Raises:
        NotConfiguredError: one of them is wrong; the message never contains its value.
    """
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise settings_error(error) from None
    logging.getLogger("convocore_mcp").setLevel(settings.log_level.upper())
    return settings


def settings_error(error: ValidationError) -> NotConfiguredError:
    """What pydantic found wrong, with the names of the settings and without their values."""
    problems = [
        f"{'.'.join(map(str, problem['loc']))} {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return NotConfiguredError(
        f"A setting is wrong: {'; '.join(problems)}.", hint="Correct it and restart the server."
    )


def require_key(settings: Settings) -> str:
    """The workspace secret.

    Raises:
        NotConfiguredError: there is none.
    """
    if settings.api_key is None:
        raise NotConfiguredError(
            "No Convocore key is configured.",
            hint="Set CONVOCORE_API_KEY to your workspace secret and CONVOCORE_AGENT_ID to your "
            "agent's ID in the MCP client's entry for this server, and restart it. "
            "To try without an account: convocore-mcp serve --demo.",
        )
    return settings.api_key.get_secret_value()


def mirror_location(settings: Settings) -> tuple[str | Path, str]:
    """Where the mirror is, and the fingerprint of the key and region that own it.

    Raises:
        NotConfiguredError: there is no key.
    """
    text = f"{settings.server}\n{require_key(settings)}"
    owner = blake2b(text.encode(), digest_size=16).hexdigest()
    return store_location(settings.store, fingerprint=owner[:8]), owner


def time_zone(settings: Settings) -> tzinfo:
    """The time zone in which days begin: the configured one, else the machine's, else UTC."""
    if settings.timezone:
        return ZoneInfo(settings.timezone)
    try:
        return tzlocal.get_localzone()
    except (KeyError, ValueError, OSError):  # the machine's configuration names no zone
        return UTC


class _Threads:
    """Runs blocking calls in threads, so many at a time."""

    def __init__(self, limit: int) -> None:
        self._limiter = anyio.CapacityLimiter(limit)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        bound = functools.partial(call, *args, **kwargs)
        return await anyio.to_thread.run_sync(bound, limiter=self._limiter)


@dataclass(frozen=True, slots=True)
class _Resources:
    """What must be closed when the server ends, in the order of the fields."""

    watch: Watch
    syncs: AgentSyncs
    client: ConvocoreClient
    locks: SyncLocks
    mirror: MirrorWriter

    async def aclose(self) -> None:
        await self.watch.aclose()
        await self.syncs.aclose()
        await self.client.aclose()
        await anyio.to_thread.run_sync(self.locks.close)
        await anyio.to_thread.run_sync(self.mirror.close)


async def _check_key(settings: Settings) -> None:
    """Ask Convocore for one page of any agent.

    Raises:
        NotConfiguredError: no agent is configured.
        ApiError: it gives none: the key is refused, no agent is found, or it can't be reached.
    """
    error: ApiError | None = None
    client = ConvocoreClient.from_url(
        settings.server, require_key(settings), version=version("convocore-mcp"), now=utc_now
    )
    try:
        with anyio.fail_after(KEY_CHECK_SECONDS):
            for agent_id in settings.agent_id:
                try:
                    async with aclosing(client.conversations(agent_id)) as pages:
                        await anext(pages, None)
                except ApiError as caught:
                    error = error or caught
                else:
                    return
    except TimeoutError:
        error = UnavailableError(
            "Convocore has not answered yet, so it is not certain that the key is right.",
            hint="CONVOCORE_STORE names the mirror of another key, which stays as it is. "
            "Ask again in a few seconds.",
            retry_after=5,
        )
    finally:
        await client.aclose()
    raise error or NotConfiguredError(
        "No agent is configured.", hint="Set CONVOCORE_AGENT_ID to your agent's ID."
    )


def _connect(
    settings: Settings, on_response: OnResponse | None, *, replace_foreign: bool = False
) -> Backend:
    key = require_key(settings)
    location, owner = mirror_location(settings)
    database = open_database(location, owner=owner, replace_foreign=replace_foreign)
    zone = time_zone(settings)
    mirror = MirrorWriter(database, RULES, zone=zone)
    locks = sync_locks_for(location, database)
    client = ConvocoreClient.from_url(
        settings.server, key, version=version("convocore-mcp"), now=utc_now, on_result=on_response
    )
    readers, writers = _Threads(READERS), _Threads(WRITERS)
    syncs = _agent_syncs(settings, client, mirror, locks, readers, writers)
    interval = timedelta(seconds=settings.incremental_sync_seconds)
    watch = Watch(syncs, interval=interval, now=utc_now)
    mirror_reader = MirrorReader(database)
    return Backend(
        agents=settings.agent_id,
        region=settings.region,
        mirror_reader=mirror_reader,
        rows=RowReader(database),
        zone=zone,
        change_log=ChangeLog(database),
        change_feed=ChangeFeed(database),
        completion_reader=CompletionReader(database),
        find_person=functools.partial(resolve, mirror_reader),
        syncs=syncs,
        watch=watch,
        refresh_interval=interval,
        details=OnDemandDetails(syncs, mirror_reader, read_in_thread=readers.run, now=utc_now),
        transcripts=_transcripts(client, database, readers, writers),
        read_fields=read_fields,
        coverage=mirror.coverage,
        now=utc_now,
        read=readers.run,
        close=_Resources(watch, syncs, client, locks, mirror).aclose,
        answer_from=Answers,
    )


def _transcripts(
    client: ConvocoreClient, database: Database, readers: _Threads, writers: _Threads
) -> TranscriptReader:
    return TranscriptReader(
        client,
        TranscriptCache(database),
        now=utc_now,
        read_in_thread=readers.run,
        write_in_thread=writers.run,
    )


def _agent_syncs(
    settings: Settings,
    client: ConvocoreClient,
    mirror: MirrorWriter,
    locks: SyncLocks,
    readers: _Threads,
    writers: _Threads,
) -> AgentSyncs:
    return AgentSyncs(
        SyncParts(
            upstream=client,
            health=client.throttle,
            mirror=mirror,
            sync_locks=locks,
            now=utc_now,
            write_in_thread=writers.run,
            read_in_thread=readers.run,
            schedule=Schedule(
                incremental_after=timedelta(seconds=settings.incremental_sync_seconds),
                full_after=timedelta(seconds=settings.full_sync_seconds),
            ),
            limits=SyncLimits(settings.max_rows, timedelta(seconds=settings.max_sync_seconds)),
            details=DetailsPlan(DetailsMode(settings.details), settings.details_per_second),
        )
    )


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)
