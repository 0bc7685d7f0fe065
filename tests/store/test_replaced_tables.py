"""Servers that go on while another process replaces their mirror in PostgreSQL."""

import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from convocore_mcp.errors import MirrorError
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.settings import store_location
from convocore_mcp.store.database.engine import open_database
from tests.cli.command_line import CommandLine
from tests.postgresql import NewDatabase
from tests.tool_client import Answer, ToolClient, connected


@pytest.fixture
async def replaced(
    postgresql: NewDatabase, tmp_path: Path
) -> AsyncIterator[tuple[ToolClient, ToolClient, dict[str, Any]]]:
    """Two servers with one mirror, which `purge` dropped; and cursors that both gave before."""
    sandbox, store = Sandbox(size=60), postgresql()
    async with AsyncExitStack() as stack:
        base_url = stack.enter_context(serving(sandbox))
        shell = CommandLine(tmp_path, sandbox, base_url)
        shell.env |= {"CONVOCORE_STORE": store, "CONVOCORE_TIMEZONE": "UTC"}
        settings: dict[str, Any] = {"base_url": base_url, "store": store}
        one, two = [
            await stack.enter_async_context(connected(sandbox, **settings)) for _ in range(2)
        ]
        await one.until_complete()
        await two.until_complete()
        before = {"changes": (await two.ask("list_changes"))["next_cursor"]}
        shell.run_ok("purge", "--yes")
        for server in (one, two):
            await until_filled(server)
        yield one, two, before


async def until_filled(server: ToolClient) -> None:
    """Ask until the new mirror has everything. The first answers may say that it is new."""
    for _ in range(50):
        result = await server.call("conversation_stats")
        if not result.is_error and "'complete': True" in str(result.structured_content):
            return
    pytest.fail("the mirror was not filled again")


def ids(page: Answer) -> list[str]:
    return [row["id"] for row in page["conversations"]]


async def test_a_cursor_of_one_server_is_good_at_the_other_after_a_purge(
    replaced: tuple[ToolClient, ToolClient, dict[str, Any]],
) -> None:
    """Promised by docs/contract.md, "Tools": paging yields every match exactly once."""
    servers, pages = replaced[:2], []
    for first, second in (servers, servers[::-1]):
        page = await first.ask("list_conversations", limit=40)
        rest = await second.ask("list_conversations", limit=40, cursor=page["next_cursor"])
        pages.append(ids(page) + ids(rest))
    assert (
        len(set(pages[0]))
        == len(pages[0])
        == (await servers[0].ask("list_conversations", limit=1))["total"]
    )
    assert pages[0] == pages[1]


async def test_no_server_takes_the_cursor_of_a_feed_from_before_a_purge(
    replaced: tuple[ToolClient, ToolClient, dict[str, Any]],
) -> None:
    """Ours: its number is one of the old mirror, so changes of the new one would be passed by."""
    for server in replaced[:2]:
        error = await server.refused("list_changes", cursor=replaced[2]["changes"])
        assert error["message"] == "cursor: it has expired."


def test_threads_that_find_a_table_missing_make_one_new_mirror(postgresql: NewDatabase) -> None:
    """Ours: each further one would drop what was read since."""
    url, made = postgresql(), list[str]()
    database = open_database(store_location(url, fingerprint="f"), owner="me")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE convocore_leads")

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "CREATE TABLE convocore_leads" in statement:
            made.append(statement)

    all_read = threading.Barrier(4)

    def read() -> None:
        with database.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
            all_read.wait()
            connection.exec_driver_sql("SELECT id FROM convocore_leads")

    with ThreadPoolExecutor() as pool:
        errors = [pool.submit(read).exception for _ in range(4)]
        assert all(isinstance(error(), MirrorError) for error in errors)
    assert len(made) == 1
    database.close()
