"""Building the server: who gets what. Whatever is heavy is imported at the first question."""

import functools
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import anyio
import anyio.to_thread

from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.server.app import App, Backend
from convocore_mcp.server.main import create_server, serve_stdio

if TYPE_CHECKING:
    from convocore_mcp.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

READERS, WRITERS = 4, 1
"""Threads for the database: several may read, SQLite has one writer."""


def serve(overrides: Mapping[str, Any] | None = None) -> None:
    """Serve MCP on stdin and stdout until stdin closes."""
    log_to_stderr()
    app = App(
        functools.partial(build_backend, overrides or {}),
        version=version("convocore-mcp"),
        record_schema=record_schema,
    )
    anyio.run(serve_stdio, create_server(app))


def serve_demo() -> None:
    """Serve the sandbox's data, over a real connection to it; nothing is kept on disk."""
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


def record_schema() -> dict[str, Any]:
    """JSON Schema of a conversation record, as the resource gives it."""
    from convocore_mcp.api.conversation import ConversationRecord  # noqa: PLC0415

    return ConversationRecord.model_json_schema(by_alias=False, mode="serialization")


async def build_backend(overrides: Mapping[str, Any]) -> Backend:
    """Read the settings and connect the parts.

    Raises:
        NotConfiguredError: the key or the agent is missing, or a setting is wrong.
        MirrorError: the mirror can't be opened.
    """
    # In a thread: imports and files take a moment, in which pings should be answered.
    settings = await anyio.to_thread.run_sync(read_settings, overrides)
    return await anyio.to_thread.run_sync(_connect, settings)


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
        wrong = [
            f"{'.'.join(map(str, problem['loc']))} {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise NotConfiguredError(
            f"A setting is wrong: {'; '.join(wrong)}.", hint="Correct it and restart the server."
        ) from None
    logging.getLogger("convocore_mcp").setLevel(settings.log_level.upper())
    return settings


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


def _connect(settings: "Settings") -> Backend:
    from convocore_mcp.api.client import ConvocoreClient  # noqa: PLC0415
    from convocore_mcp.leads.keys import keys  # noqa: PLC0415
    from convocore_mcp.leads.merge import merge  # noqa: PLC0415
    from convocore_mcp.server.singles import Singles  # noqa: PLC0415
    from convocore_mcp.settings import store_location  # noqa: PLC0415
    from convocore_mcp.store.changes import History  # noqa: PLC0415
    from convocore_mcp.store.engine import open_database  # noqa: PLC0415
    from convocore_mcp.store.mirror import Mirror, Rules  # noqa: PLC0415
    from convocore_mcp.store.queries import Queries  # noqa: PLC0415
    from convocore_mcp.sync.reading import Bounds, Reader  # noqa: PLC0415
    from convocore_mcp.sync.upkeep import Schedule, Upkeep  # noqa: PLC0415

    key = require_key(settings)
    owner = blake2b(f"{settings.server}\n{key}".encode(), digest_size=16).hexdigest()
    database = open_database(store_location(settings.store, fingerprint=owner[:8]), owner=owner)
    mirror = Mirror(database, Rules(keys=keys, merge=merge))
    client = ConvocoreClient.over(
        settings.server, key, version=version("convocore-mcp"), now=utc_now
    )
    writing = anyio.CapacityLimiter(WRITERS)

    async def in_writer(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        bound = functools.partial(call, *args, **kwargs)
        return await anyio.to_thread.run_sync(bound, limiter=writing)

    reading = anyio.CapacityLimiter(READERS)

    async def in_reader(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        bound = functools.partial(call, *args, **kwargs)
        return await anyio.to_thread.run_sync(bound, limiter=reading)

    bounds = Bounds(settings.max_rows, timedelta(seconds=settings.max_walk_seconds))
    upkeep = Upkeep(
        Reader(client, mirror, now=utc_now, in_thread=in_writer, bounds=bounds),
        mirror,
        client.pace,
        now=utc_now,
        in_thread=in_reader,
        schedule=Schedule(
            tail=timedelta(seconds=settings.tail_seconds),
            sweep=timedelta(seconds=settings.sweep_seconds),
        ),
    )

    async def close() -> None:
        await upkeep.aclose()
        await client.aclose()
        await anyio.to_thread.run_sync(mirror.close)

    return Backend(
        agents=settings.agent_id,
        region=settings.region,
        queries=Queries(database),
        history=History(database),
        upkeep=upkeep,
        singles=Singles(client.conversation, now=utc_now),
        coverage=mirror.coverage,
        now=utc_now,
        read=in_reader,
        close=close,
    )


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class _OneLine(logging.Formatter):
    """A record is a line, its traceback included: whoever reads stderr reads lines."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", " | ")


def log_to_stderr() -> None:
    """Send log records to stderr, one line each; stdout is the protocol's."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
