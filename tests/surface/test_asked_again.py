"""The same question asked again has the same answer only while nothing has changed."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from convocore_mcp import assembly
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.server.answering import Answers
from convocore_mcp.server.mcp import RequestContext, connection_of
from convocore_mcp.store.database.engine import open_database
from convocore_mcp.store.database.schema import meta
from convocore_mcp.store.engines.data_version import DataVersion
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from tests.tool_client import ToolClient, connected

QUESTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("list_conversations", {"limit": 5}),
    ("list_leads", {"limit": 5}),
    ("conversation_stats", {}),
    ("summarize_hot_leads", {"top": 3}),
)


Spoil = Callable[[RequestContext], RequestContext]


class StoppedClock:
    """A clock that is set by hand, so that calls are in the same second."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    clock = StoppedClock()
    monkeypatch.setattr(assembly, "utc_now", clock)
    return clock


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the answers that were made, not repeated."""
    made: list[str] = []

    def counted(name: str, make: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            made.append(name)
            return make(*args)

        return call

    for name, _ in QUESTIONS:
        monkeypatch.setattr(Answers, name, counted(name, getattr(Answers, name)))
    return made


@pytest.fixture
async def server(clock: StoppedClock, made: list[str], tmp_path: Path) -> AsyncIterator[ToolClient]:
    """A server with a mirror in a file."""
    async with connected(Sandbox(size=40), store=str(tmp_path / "mirror.sqlite3")) as client:
        await client.until_complete()
        made.clear()
        yield client


async def test_each_question_is_answered_once_while_nothing_changes(
    server: ToolClient, made: list[str]
) -> None:
    for tool, arguments in QUESTIONS:
        first = await server.ask(tool, **arguments)
        assert [await server.ask(tool, **arguments) for _ in range(2)] == [first, first]
    assert made == [tool for tool, _ in QUESTIONS]


async def test_other_arguments_are_another_question(server: ToolClient, made: list[str]) -> None:
    few = await server.ask("list_conversations", limit=2)
    more = await server.ask("list_conversations", limit=3)
    assert (len(few["conversations"]), len(more["conversations"])) == (2, 3)
    assert made == ["list_conversations"] * 2


async def test_what_another_process_has_written_is_in_the_next_answer(
    server: ToolClient, tmp_path: Path
) -> None:
    before = await server.ask("list_conversations", limit=1)
    backend = await server.app.backend()
    file = tmp_path / "mirror.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        query = f"SELECT value FROM {meta.name} WHERE key = 'owner'"
        (owner,) = connection.execute(query).fetchone()
    other = MirrorWriter(open_database(file, owner=owner), assembly.RULES)
    other.remove(backend.agents[0], [before["conversations"][0]["id"]], at=datetime.now(UTC))
    other.close()
    after = await server.ask("list_conversations", limit=1)
    assert after["total"] == before["total"] - 1
    assert after["conversations"] != before["conversations"]


async def test_a_second_later_the_question_is_answered_anew(
    server: ToolClient, clock: StoppedClock, made: list[str]
) -> None:
    first = await server.ask("list_conversations", since="1d")
    clock.now = clock.now.replace(second=(clock.now.second + 1) % 60)
    second = await server.ask("list_conversations", since="1d")
    assert first["applied"]["since"] != second["applied"]["since"]
    assert made == ["list_conversations"] * 2


async def test_a_refused_question_is_refused_again(server: ToolClient, made: list[str]) -> None:
    for _ in range(2):
        error = await server.refused("list_conversations", where=["nonsense=1"])
        assert error["code"] == "invalid_argument"
    assert made == ["list_conversations"] * 2


async def test_a_sync_that_ends_makes_a_question_new(server: ToolClient, made: list[str]) -> None:
    await server.ask("conversation_stats")
    backend = await server.app.backend()
    await backend.syncs.sync(backend.agents[0], full=False)
    await server.ask("conversation_stats")
    assert made == ["conversation_stats"] * 2


async def test_who_asks_at_the_same_time_looks_at_the_data_once(
    server: ToolClient, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str | None] = []
    read = DataVersion.read

    def counted(version: DataVersion) -> str | None:
        looks.append(read(version))
        return looks[-1]

    monkeypatch.setattr(DataVersion, "read", counted)
    asked = (server.ask("list_conversations", limit=2) for _ in range(30))
    answers = await asyncio.gather(*asked)
    assert answers == answers[:1] * 30
    assert made == ["list_conversations"]
    assert len(looks) < 30 / 2


def with_meta(wrong: object) -> Spoil:
    """Makes a request whose `_meta` is not what it must be."""
    return lambda ctx: replace(ctx, params={**(ctx.params or {}), "_meta": wrong}, meta=None)


def before_initialization(ctx: RequestContext) -> RequestContext:
    """Makes a request of a client that has not said who it is."""
    connection = connection_of(ctx)
    connection.client_params, connection.initialized = None, anyio.Event()
    return ctx


@pytest.mark.parametrize(
    "spoil", [with_meta("x"), with_meta({"progressToken": []}), before_initialization]
)
async def test_a_request_that_must_be_refused_is_refused_also_if_its_answer_is_known(
    spoil: Spoil, clock: StoppedClock, tmp_path: Path
) -> None:
    is_spoilt = False

    async def spoiling(ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        return await call_next(spoil(ctx) if is_spoilt else ctx)

    store = str(tmp_path / "mirror.sqlite3")
    async with connected(Sandbox(size=40), mode="legacy", store=store) as client:
        client.server.middleware.insert(0, spoiling)
        await client.until_complete()
        await client.ask("list_conversations", limit=2)
        is_spoilt = True
        with pytest.raises(MCPError) as refused:
            await client.ask("list_conversations", limit=2)
    assert refused.value.error.code == INVALID_PARAMS
