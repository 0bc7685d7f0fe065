"""A database that is locked, frozen or damaged: every call answers in time, and says why."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from mcp import Client

from convocore_mcp.assembly import Assembly
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.mcp_server import create_server
from tests.pooler import socket_folder
from tests.postgresql import NewDatabase
from tests.tool_client import ToolClient, text_of

SANDBOX = Sandbox(size=30, export=True)
NEWEST = next(SANDBOX.rows())["ID"]
SOMEBODY = next(row["userName"] for row in SANDBOX.rows() if row.get("userName"))
TOOLS: dict[str, dict[str, object]] = {
    "list_conversations": {"detail": "full", "limit": 100},
    "list_leads": {"limit": 100, "fields": ["name", "tags", "links", "next_due", "data.budget"]},
    "get_lead": {"lead": SOMEBODY},
    "get_conversation": {"conversation": NEWEST, "turns": 20},
    "summarize_hot_leads": {"explain": True},
    "conversation_stats": {"group_by": ["tags"]},
    "list_changes": {"since": "1y"},
}
PATIENCE = 12.0
"""Seconds within which all of several calls must be answered whose deadline is below four; an
endless wait, or one after the other, takes longer."""
WRITER = """
import signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE convocore_agents SET gap = 'half of a transaction'")
print("holding", flush=True)
signal.pause()
"""


@asynccontextmanager
async def server_on(
    sandbox: Sandbox, base_url: str, store: str | Path, **settings: object
) -> AsyncIterator[ToolClient]:
    chosen = {
        "api_key": sandbox.key,
        "agent_id": sandbox.agent_id,
        "base_url": base_url,
        "store": str(store),
        "timezone": "UTC",
        "wait_seconds": 1,
        "details": "off",
    } | settings
    app = App(lambda: Assembly(chosen), version="test")
    server = create_server(app)
    async with Client(server) as client:
        yield ToolClient(client, app, server)


async def fill(sandbox: Sandbox, base_url: str, store: str | Path) -> int:
    """Fill a mirror; returns how many conversations it holds."""
    async with server_on(sandbox, base_url, store, wait_seconds=25) as server:
        await server.until_complete()
        return int((await server.ask("conversation_stats"))["totals"]["conversations"])


async def ask_all(server: ToolClient, times: int = 1) -> list[dict[str, Any]]:
    """The answers of several calls at once: each an answer or an error object."""
    async with asyncio.timeout(PATIENCE):
        results = await asyncio.gather(
            *(server.call(tool, **given) for tool, given in TOOLS.items() for _ in range(times))
        )
    return [json.loads(text_of(result)) for result in results]


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[Sandbox, str]]:
    with serving(SANDBOX) as base_url:
        yield SANDBOX, base_url


@contextmanager
def stopped_writer(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that is stopped in the midst of a transaction that writes to the mirror."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "holding\n"
            process.send_signal(signal.SIGSTOP)
            yield process
        finally:
            process.kill()


async def test_a_file_that_another_process_has_locked_at_the_start_is_one_failure_for_all(
    upstream: tuple[Sandbox, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used": in time, for everybody."""
    path = tmp_path / "mirror.sqlite3"
    conversations = await fill(*upstream, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE convocore_agents SET gap = NULL")
        async with server_on(*upstream, path, log_level="info") as server:
            answers = await ask_all(server, times=3)
            attempts = [r for r in caplog.records if "The mirror was not opened" in r.getMessage()]
            assert len(attempts) == 1
            assert {answer["error"]["code"] for answer in answers} == {"mirror_unavailable"}
            assert {answer["error"]["message"] for answer in answers} == {
                "Another process holds the mirror locked."
            }
            assert "fuser" in answers[0]["error"]["hint"]
            other.execute("ROLLBACK")
            other.close()
            stats = await server.ask("conversation_stats")
            assert stats["totals"]["conversations"] == conversations


async def test_while_a_writer_is_stopped_others_answer_from_what_they_can_read(
    upstream: tuple[Sandbox, str], tmp_path: Path
) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used": with a note that says so."""
    path = tmp_path / "mirror.sqlite3"
    conversations = await fill(*upstream, path)
    with stopped_writer(path) as writer:
        async with server_on(*upstream, path, incremental_sync_seconds=0) as server:
            answers = await ask_all(server)
            assert not [answer for answer in answers if "error" in answer]
            assert not [a for a in answers if a.get("freshness", {}).get("complete", False)]
            notes = ""
            while "holds the mirror locked" not in notes:
                async with asyncio.timeout(PATIENCE):
                    stats = await server.ask("conversation_stats")
                assert stats["totals"]["conversations"] == conversations
                assert not stats["freshness"]["complete"]
                notes = " ".join(stats["freshness"]["notes"])
            assert "The mirror can't be updated now and may be outdated" in notes
            writer.kill()


async def test_a_first_reading_that_a_stopped_writer_holds_up_answers_with_what_was_read(
    upstream: tuple[Sandbox, str], tmp_path: Path
) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used": also about people."""
    path = tmp_path / "mirror.sqlite3"
    await fill(*upstream, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE convocore_agents SET full_sync_at = NULL, as_of = NULL")
    with stopped_writer(path):
        async with asyncio.timeout(PATIENCE), server_on(*upstream, path) as server:
            people = await server.ask("list_leads")
            assert people["total"] > 0
            assert not people["freshness"]["complete"]


def of_server(url: str) -> list[int]:
    """The process IDs of the PostgreSQL server that `url` names; the postmaster comes first."""
    postmaster = int((socket_folder(url) / "postmaster.pid").read_text().split("\n")[0])
    with psycopg.connect(url) as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        return [postmaster, *(pid for (pid,) in connection.execute(query))]


@contextmanager
def frozen(url: str) -> Iterator[None]:
    """PostgreSQL is stopped, with all its backends, and does not know it."""
    processes = of_server(url)
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in reversed(processes):
            os.kill(process, signal.SIGCONT)


async def test_a_frozen_postgresql_is_reported_in_time_by_servers_old_and_new(
    upstream: tuple[Sandbox, str], postgresql: NewDatabase
) -> None:
    """Promised by docs/operations.md, "When the mirror can't be used": also at the start."""
    url = postgresql()
    conversations = await fill(*upstream, url)
    async with server_on(*upstream, url) as running:
        assert (await running.ask("conversation_stats"))["totals"]["conversations"] == conversations
        with frozen(url):
            answers = await ask_all(running, times=2)
            assert {answer["error"]["code"] for answer in answers} == {"mirror_unavailable"}
            assert all(answer["error"]["hint"] for answer in answers)
            async with server_on(*upstream, url) as started:
                answers = await ask_all(started, times=2)
                assert {answer["error"]["code"] for answer in answers} == {"mirror_unavailable"}
                assert {"The database server can't be reached."} == {
                    answer["error"]["message"] for answer in answers
                }
            # A server that ends while the database is frozen ends all the same.
        stats = await running.ask("conversation_stats")
        assert stats["totals"]["conversations"] == conversations


async def test_a_server_ends_while_its_database_is_frozen_in_the_midst_of_a_statement(
    upstream: tuple[Sandbox, str], postgresql: NewDatabase
) -> None:
    """Ours: what waits for an answer is given up when the program ends."""
    url = postgresql()
    await fill(*upstream, url)
    with psycopg.connect(url) as other:
        async with asyncio.timeout(PATIENCE), server_on(*upstream, url) as server:
            await server.ask("conversation_stats")
            other.execute("LOCK TABLE convocore_counter IN ACCESS EXCLUSIVE MODE")
            waiting = await server.refused("list_leads")
            assert waiting["code"] == "mirror_unavailable"
            assert "has not answered in time" in waiting["message"]


COLUMNS = [
    *(("conversations", name) for name in ("tags", "assignees", "alerts", "value", "links")),
    *(("leads", name) for name in ("conversation_ids", "alerts", "value")),
    *(("conversation_fields", name) for name in ("tags_items", "data", "due_times", "shares")),
    *(("lead_fields", name) for name in ("tags_items", "links_items", "data", "due_times")),
    ("transcripts", "turns"),
    ("agents", "full_sync_started_at = 1, resume_token"),
]
"""The columns that hold JSON, but for records, which heal one by one."""
ROUNDS_TO_HEAL = 3
"""What an answer takes from memory is not read, so damage may be found later than at once."""


async def refusals(server: ToolClient) -> set[str]:
    """The codes of the errors that the tools answer with, after damage."""
    answers = [json.loads(text_of(await server.call(tool, **TOOLS[tool]))) for tool in TOOLS]
    codes = {answer["error"]["code"] for answer in answers if "error" in answer}
    assert codes <= {"mirror_unavailable", "not_found"}, answers  # of somebody, in a new mirror
    return codes


async def test_broken_json_in_any_column_heals(
    upstream: tuple[Sandbox, str], tmp_path: Path
) -> None:
    """Promised by docs/architecture.md, "The mirror": a damaged one heals by itself."""
    path = tmp_path / "mirror.sqlite3"
    conversations = await fill(*upstream, path)
    damaged = []
    async with server_on(*upstream, path, wait_seconds=25) as server:
        for table, column in COLUMNS:
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute(f"UPDATE convocore_{table} SET {column} = '[\"half'")
            if await refusals(server):
                damaged.append((table, column))
            for _ in range(ROUNDS_TO_HEAL):
                await server.until_complete()
                if not (codes := await refusals(server)):
                    break
            assert not codes, (table, column)
            stats = await server.ask("conversation_stats")
            assert stats["totals"]["conversations"] == conversations
            read = await server.ask("get_conversation", **TOOLS["get_conversation"])
            assert read["transcript"]["turns"]
    assert ("transcripts", "turns") in damaged
    assert len(damaged) > len(COLUMNS) / 2
