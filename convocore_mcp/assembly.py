"""Building the server: who gets what. Whatever is heavy is imported at the first question."""

import functools
import gc
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import anyio
import anyio.to_thread
from mcp.server.mcpserver import server as sdk

from convocore_mcp import tracing
from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.logs import log_to_stderr
from convocore_mcp.server.backend import App, Backend
from convocore_mcp.server.mcp.mcp_server import create_server, serve_stdio

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import ValidationError

    from convocore_mcp.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

READERS, WRITERS = 4, 1
"""Threads for the database: several may read, SQLite has one writer."""


def serve(overrides: Mapping[str, Any] | None = None, *, watch: bool = False) -> None:
    """Serve MCP on stdin and stdout until stdin closes; `watch` reads on while nobody asks."""
    _log_to_stderr()
    tracing.start_tracing(version("convocore-mcp"))
    anyio.run(serve_stdio, create_server(_app(overrides or {}), watch=watch))


def serve_web(
    overrides: Mapping[str, Any],
    http: Mapping[str, Any],
    *,
    host: str,
    port: int,
    streamable: bool,
    watch: bool,
) -> None:
    """Serve MCP over HTTP until a signal; `http` goes before the environment (`HttpSettings`).

    `streamable` false leaves HTTP+SSE alone.

    Raises:
        NotConfiguredError: a setting is wrong, or nobody would be asked for a token.
    """
    from pydantic import ValidationError  # noqa: PLC0415

    from convocore_mcp.web.http_app import serve_http  # noqa: PLC0415
    from convocore_mcp.web.http_settings import HttpSettings  # noqa: PLC0415
    from convocore_mcp.web.metrics import Metrics  # noqa: PLC0415

    _log_to_stderr(as_json=True)
    tracing.start_tracing(version("convocore-mcp"))
    read_settings(overrides)  # what is wrong is said now, and how much the log says is set
    try:
        settings = HttpSettings(**http)
    except ValidationError as error:
        raise wrong_settings(error) from None
    metrics = Metrics()
    app = _app(overrides, told=metrics.upstream)
    server = create_server(app, watch=watch)
    serve_http(server, app, settings, metrics, host=host, port=port, streamable=streamable)


def serve_demo(serve: Callable[[Mapping[str, Any]], None]) -> None:
    """Have `serve` serve the sandbox's data, over a real connection; nothing is kept on disk."""
    from convocore_mcp.sandbox import Sandbox, serving  # noqa: PLC0415

    sandbox = Sandbox()
    with serving(sandbox) as base_url:
        serve(
            {
                "api_key": sandbox.key,
                "agent_id": sandbox.agent_id,
                "base_url": base_url,
                "store": "memory",
            }
        )


def _log_to_stderr(*, as_json: bool = False) -> None:
    log_to_stderr(as_json=as_json)
    # The SDK's server would load rich, for a handler that is not taken: there is one already.
    sdk.configure_logging = _leave_log  # type: ignore[assignment, attr-defined]


def _leave_log(_level: object = None) -> None:
    """Instead of the SDK's own."""


def _app(overrides: Mapping[str, Any], *, told: Callable[[str], None] | None = None) -> App:
    return App(
        functools.partial(build_backend, overrides, told=told),
        agents=functools.partial(configured_agents, overrides),
        version=version("convocore-mcp"),
        record_schema=record_schema,
    )


def record_schema() -> dict[str, Any]:
    """JSON Schema of a conversation record, as the resource gives it."""
    from convocore_mcp.api.conversation_record import ConversationRecord  # noqa: PLC0415

    return ConversationRecord.model_json_schema(by_alias=False, mode="serialization")


async def build_backend(
    overrides: Mapping[str, Any], *, told: Callable[[str], None] | None = None
) -> Backend:
    """Read the settings and connect the parts; `told` hears how each request upstream went.

    Raises:
        NotConfiguredError: the key or the agent is missing, or a setting is wrong.
        MirrorError: the mirror can't be opened.
    """
    # In a thread: imports and files take a moment, in which pings should be answered.
    settings = await anyio.to_thread.run_sync(read_settings, overrides)
    backend = await anyio.to_thread.run_sync(_connect, settings, told)
    gc.freeze()  # it stays: looking through it would hold up everybody for 70 ms each time
    return backend


async def configured_agents(overrides: Mapping[str, Any]) -> tuple[str, ...]:
    """The agents that the settings name.

    Raises:
        NotConfiguredError: a setting is wrong.
    """
    settings = await anyio.to_thread.run_sync(read_settings, overrides)
    return settings.agent_id


def read_settings(overrides: Mapping[str, Any]) -> "Settings":
    """The settings from the environment, `overrides` first.

    Raises:
        NotConfiguredError: one of them is wrong; the message never holds its value.
    """
    from pydantic import ValidationError  # noqa: PLC0415

    from convocore_mcp.settings import Settings  # noqa: PLC0415

    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise wrong_settings(error) from None
    logging.getLogger("convocore_mcp").setLevel(settings.log_level.upper())
    return settings


def wrong_settings(error: "ValidationError") -> NotConfiguredError:
    """What pydantic found, in words that name the settings and never show a value."""
    wrong = [
        f"{'.'.join(map(str, problem['loc']))} {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return NotConfiguredError(
        f"A setting is wrong: {'; '.join(wrong)}.", hint="Correct it and restart the server."
    )


def require_key(settings: "Settings") -> str:
    """The key.

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


def mirror_place(settings: "Settings") -> "tuple[str | Path, str]":
    """Where the mirror is, and the fingerprint of the key and region whose it is.

    Raises:
        NotConfiguredError: there is no key.
    """
    from convocore_mcp.settings import store_location  # noqa: PLC0415

    text = f"{settings.server}\n{require_key(settings)}"
    owner = blake2b(text.encode(), digest_size=16).hexdigest()
    return store_location(settings.store, fingerprint=owner[:8]), owner


def _connect(settings: "Settings", told: Callable[[str], None] | None) -> Backend:
    from convocore_mcp.api.client import ConvocoreClient  # noqa: PLC0415
    from convocore_mcp.leads.affected import merge_affected  # noqa: PLC0415
    from convocore_mcp.leads.keys import derive_keys  # noqa: PLC0415
    from convocore_mcp.store.database.engine import open_database  # noqa: PLC0415
    from convocore_mcp.store.database.sync_locks import sync_locks_for  # noqa: PLC0415
    from convocore_mcp.store.read.change_log import ChangeLog  # noqa: PLC0415
    from convocore_mcp.store.read.completion import CompletionReader  # noqa: PLC0415
    from convocore_mcp.store.read.mirror_reader import MirrorReader  # noqa: PLC0415
    from convocore_mcp.store.write.mirror_writer import MirrorWriter, Rules  # noqa: PLC0415
    from convocore_mcp.sync.agent_sync import AgentSync, Schedule  # noqa: PLC0415
    from convocore_mcp.sync.details import DetailsFetcher  # noqa: PLC0415
    from convocore_mcp.sync.list_reader import Bounds, Reader  # noqa: PLC0415
    from convocore_mcp.sync.watch import Watch  # noqa: PLC0415

    key = require_key(settings)
    place, owner = mirror_place(settings)
    database = open_database(place, owner=owner)
    mirror = MirrorWriter(database, Rules(keys=derive_keys, merge_affected=merge_affected))
    locks = sync_locks_for(place, database)
    client = ConvocoreClient.over(
        settings.server, key, version=version("convocore-mcp"), now=utc_now, told=told
    )
    writing = anyio.CapacityLimiter(WRITERS)

    async def in_writer(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        bound = functools.partial(call, *args, **kwargs)
        return await anyio.to_thread.run_sync(bound, limiter=writing)

    reading = anyio.CapacityLimiter(READERS)

    async def in_reader(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        bound = functools.partial(call, *args, **kwargs)
        return await anyio.to_thread.run_sync(bound, limiter=reading)

    interval = timedelta(seconds=settings.incremental_sync_seconds)
    bounds = Bounds(settings.max_rows, timedelta(seconds=settings.max_sync_seconds))
    agent_sync = AgentSync(
        Reader(client, mirror, now=utc_now, run_in_thread=in_writer, bounds=bounds),
        mirror,
        client.throttle,
        now=utc_now,
        run_in_thread=in_reader,
        schedule=Schedule(
            incremental_after=interval,
            full_after=timedelta(seconds=settings.full_sync_seconds),
        ),
        sync_locks=locks,
    )

    watch = Watch(agent_sync, incremental_sync=interval, now=utc_now)

    async def close() -> None:
        await watch.aclose()
        await agent_sync.aclose()
        await client.aclose()
        await anyio.to_thread.run_sync(locks.close)
        await anyio.to_thread.run_sync(mirror.close)

    return Backend(
        agents=settings.agent_id,
        region=settings.region,
        mirror_reader=MirrorReader(database),
        change_log=ChangeLog(database),
        completion_reader=CompletionReader(database),
        agent_sync=agent_sync,
        sync=agent_sync.sync,
        watch=watch,
        refresh_interval=interval,
        details=DetailsFetcher(client.conversation, now=utc_now),
        coverage=mirror.coverage,
        now=utc_now,
        read=in_reader,
        close=close,
    )


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)
