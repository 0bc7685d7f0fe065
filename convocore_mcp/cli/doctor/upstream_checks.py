"""Checks of Convocore: key, region, agents, dialect, details, transcripts, time, clock."""

import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import TypeVar
from urllib.parse import urlsplit

from convocore_mcp.api.client import ConvocoreClient, Limits
from convocore_mcp.api.wire import ListResponse
from convocore_mcp.cli.doctor.finding import Finding
from convocore_mcp.configuration import require_key
from convocore_mcp.errors import (
    ApiError,
    BrokenRecordError,
    ConvocoreError,
    ForbiddenError,
    NotConfiguredError,
    NotFoundError,
    UnauthorizedError,
)
from convocore_mcp.settings import Settings
from convocore_mcp.words.counted import counted

T = TypeVar("T")
LIMITS = Limits(total=10, deadline=15, attempts=2)
"""Fewer attempts and less time than a sync has: a person waits for the doctor."""
MAX_SINGLE_CONVERSATIONS = 5
"""Single conversations that are read to learn whether they say more than the list."""
SLOW_SECONDS = 2.0
"""Seconds. A first sync of many pages takes long above this."""
CLOCK_TOLERANCE = timedelta(minutes=2)


@dataclass(slots=True)
class _Timed:
    """Measures how long answers take."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, answer: Awaitable[T]) -> T:
        start = time.perf_counter()
        found = await answer
        self.seconds.append(time.perf_counter() - start)
        return found


async def check_upstream(
    settings: Settings, *, servers: Mapping[str, str], now: Callable[[], datetime]
) -> AsyncIterator[Finding]:
    """Check the settings by requests to Convocore; `servers` are the regions' URLs.

    Asks for one page of each agent, for a few single conversations, and for one transcript.
    """
    timed = _Timed()
    host = urlsplit(settings.server).netloc
    try:
        async with _client(settings, settings.server, now) as client:
            for number, agent_id in enumerate(settings.agent_id):
                try:
                    page = await timed(client.first_page(agent_id))
                except UnauthorizedError as error:
                    yield await _refused_key(settings, servers, now, error)
                    break
                except NotFoundError as error:
                    yield Finding.of_error(f"agent {agent_id}", error)
                    continue
                if not number:
                    yield Finding("key", f"accepted by {host}")
                yield _agent(agent_id, page)
                yield await _details(client, agent_id, page, timed, off=settings.details == "off")
                yield await _transcripts(client, agent_id, page, timed)
            for finding in (_latency(timed.seconds), _clock(client.clock_offset)):
                if finding:
                    yield finding
    except NotConfiguredError as error:
        yield Finding.of_error("network", error, setting=True)
    except ApiError as error:
        yield Finding.of_error(f"Convocore ({host})", error)


@asynccontextmanager
async def _client(
    settings: Settings, server: str, now: Callable[[], datetime]
) -> AsyncIterator[ConvocoreClient]:
    client = ConvocoreClient.from_url(
        server, require_key(settings), version=version("convocore-mcp"), now=now, limits=LIMITS
    )
    try:
        yield client
    finally:
        await client.aclose()


async def _refused_key(
    settings: Settings,
    servers: Mapping[str, str],
    now: Callable[[], datetime],
    error: UnauthorizedError,
) -> Finding:
    """What to do about a refused key. It may belong to another region: that is asked, too."""
    if settings.base_url is not None:
        return Finding("key", error.message, "Check CONVOCORE_API_KEY and CONVOCORE_BASE_URL.")
    unsure = []
    for region, server in servers.items():
        if region == settings.region:
            continue
        try:
            async with _client(settings, server, now) as client:
                await client.first_page(settings.agent_id[0])
        except UnauthorizedError:
            continue
        except (NotFoundError, ForbiddenError):
            pass  # the key was accepted
        except ApiError as failed:
            unsure.append(f"{region} could not be asked: {failed.message}")
            continue
        return Finding(
            "region",
            f"the key belongs to the region {region}, and {settings.region} is configured.",
            f"Set CONVOCORE_REGION={region}.",
            setting=True,
        )
    found = " ".join(
        [f"refused in the region {settings.region}, and in no other accepted.", *unsure]
    )
    return Finding(
        "key", found, "Copy the workspace secret from Convocore again into CONVOCORE_API_KEY."
    )


def _agent(agent_id: str, page: ListResponse) -> Finding:
    rows = page.page.rows
    paged = "cursors" if page.by_cursor else "page numbers"
    newest = max((row.last_activity for row in rows if row.last_activity), default=None)
    count = f"{counted(page.row_count, 'conversation')} on the first page" if rows else "empty"
    count += f", the newest of {newest:%Y-%m-%d}" if newest else ""
    found = f"known; {count}; pages by {paged}"
    if page.page.quarantined:
        unreadable = len(page.page.quarantined)
        return Finding(
            f"agent {agent_id}",
            f"{found}; {unreadable} of them can't be read",
            "They are quarantined and counted: convocore-mcp status tells why, after a sync.",
        )
    return Finding(f"agent {agent_id}", found)


async def _details(
    client: ConvocoreClient, agent_id: str, page: ListResponse, timed: _Timed, *, off: bool
) -> Finding:
    """Whether the list has all fields that single conversations have."""
    read, added = 0, set[str]()
    for row in page.page.rows[:MAX_SINGLE_CONVERSATIONS]:
        try:
            single = await timed(client.conversation(agent_id, row.id))
        except BrokenRecordError:
            continue
        except ApiError as error:
            return Finding.of_error("details", error)
        if single is not None:
            read += 1
            added |= json.loads(single.record).keys() - json.loads(row.record).keys()
    if not read:
        return Finding("details", "unknown: no single conversation could be read to compare")
    if not added:
        return Finding("details", "not needed: the list has all that single conversations have")
    return Finding(
        "details",
        f"the list is sparse: single conversations have {counted(len(added), 'field')} more, "
        "which a running server reads in the background",
        "Leave CONVOCORE_DETAILS at auto: without them, answers lack these fields." * off,
    )


async def _transcripts(
    client: ConvocoreClient, agent_id: str, page: ListResponse, timed: _Timed
) -> Finding:
    for row in page.page.rows[:MAX_SINGLE_CONVERSATIONS]:
        try:
            if await timed(client.transcript(agent_id, row.id)) is None:
                continue
        except ForbiddenError:
            found = "not in the workspace's plan: get_conversation answers without them"
            return Finding("transcripts", found)
        except BrokenRecordError:
            continue
        except ConvocoreError as error:
            return Finding.of_error("transcripts", error)
        return Finding("transcripts", "in the workspace's plan")
    return Finding("transcripts", "unknown: no conversation to ask for")


def _latency(seconds: list[float]) -> Finding | None:
    if not seconds:
        return None
    median = statistics.median(seconds)
    found = f"{median * 1000:,.0f} ms an answer (median of {len(seconds)})"
    if median <= SLOW_SECONDS:
        return Finding("latency", found)
    return Finding("latency", found, "The first sync will take long: check the network or a proxy.")


def _clock(offset: timedelta | None) -> Finding | None:
    if offset is None:
        return None
    if abs(offset) <= CLOCK_TOLERANCE:
        return Finding("clock", "agrees with Convocore's")
    minutes = abs(offset) / timedelta(minutes=1)
    slow = "behind" if offset > timedelta() else "ahead of"
    return Finding(
        "clock",
        f"this machine's clock is {counted(round(minutes), 'minute')} {slow} Convocore's.",
        "Set it, e.g. by NTP: ages and due dates are wrong meanwhile.",
    )
