"""Changes are announced to whoever listens, in both eras; and nothing is read for nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client
from mcp_types import ResourceUpdatedNotification

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import ToolClient, connected

ROOT = "convocore://agents/demo-agent"
PATIENCE = 20
EVERY_TIME: Any = {"incremental_sync_seconds": 0}
"""Each call reads the front of the list again."""


class NotificationRecorder:
    """Hears what a server announces, in either era."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def next(self, count: int = 1) -> set[str]:
        """The next announcements."""
        async with asyncio.timeout(PATIENCE):
            return {await self.heard.get() for _ in range(count)}

    async def message(self, message: Any) -> None:
        """What the older era sends."""
        if isinstance(message, ResourceUpdatedNotification):
            self.heard.put_nowait(str(message.params.uri))

    @asynccontextmanager
    async def listening(self, client: Client, *uris: str) -> AsyncIterator[None]:
        """Listen to `uris` as the client's era does it."""
        if client.protocol_version < "2026":
            for uri in uris:
                await client.subscribe_resource(uri)
            yield
            for uri in uris:
                await client.unsubscribe_resource(uri)
            return
        async with client.listen(resource_subscriptions=uris) as events:

            async def hear() -> None:
                async for event in events:
                    self.heard.put_nowait(event.uri)  # type: ignore[union-attr]

            task = asyncio.create_task(hear())
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def sync_harness(era: Any, size: int = 60, **settings: Any) -> AsyncIterator[tuple[Any, ...]]:
    sandbox, ear = Sandbox(size=size), NotificationRecorder()
    # A newer client tells of what it listens to in its own way, and so would tell it twice.
    heard = ear.message if era == "legacy" else None
    async with connected(sandbox, mode=era, heard=heard, **settings) as tool_client:
        await tool_client.ask("list_conversations", limit=1)
        yield sandbox, ear, tool_client


pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")


async def test_a_change_is_announced_to_hot_leads_stats_and_the_conversation(era: Any) -> None:
    """Promised by contract.md: changes are announced to subscribers."""
    async with sync_harness(era, **EVERY_TIME) as (sandbox, ear, tool_client):
        some, other = [row["ID"] for row in sandbox.rows()][10:12]
        lead = (await tool_client.ask("get_lead", lead=some))["lead"]["lead_id"]
        mine = [f"{ROOT}/hot-leads", f"{ROOT}/stats", f"{ROOT}/conversations/{some}"]
        also = [f"{ROOT}/leads/{lead}", f"{ROOT}/conversations?limit=5", "convocore://agents"]
        rest = [f"{ROOT}/conversations/{other}", "convocore://agents/other/stats", "file:///x"]
        async with ear.listening(tool_client.client, *mine, *also, *rest):
            sandbox.touch(some, stage="won")
            await tool_client.ask("list_conversations", limit=1)
            assert await ear.next(len(mine + also)) == {*mine, *also}

            sandbox.touch(other)
            await tool_client.ask("list_conversations", limit=1)
            heard = await ear.next(5)
            assert f"{ROOT}/conversations/{other}" in heard
            assert not {f"{ROOT}/conversations/{some}", *rest[1:]} & heard
        assert ear.heard.empty()


async def test_whoever_listens_need_not_ask(era: Any) -> None:
    """Promised by issue 4: the periodic tail runs while somebody listens."""
    async with sync_harness(era, incremental_sync_seconds=1) as (sandbox, ear, tool_client):
        async with ear.listening(tool_client.client, f"{ROOT}/stats"):
            sandbox.insert(userName="Ada")
            assert await ear.next() == {f"{ROOT}/stats"}
        await nobody_reads(tool_client)


async def nobody_reads(tool_client: ToolClient) -> None:
    backend = await tool_client.app.backend()
    watch: Any = backend.watch
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*watch._tasks)  # noqa: SLF001  they end, or this never does
    assert not watch._watching  # noqa: SLF001


async def test_a_client_that_goes_without_a_word_is_forgotten() -> None:
    """Ours: else its agent would be read for ever."""
    async with connected(Sandbox(size=20), mode="legacy") as tool_client:
        async with Client(tool_client.server, mode="legacy") as other:
            for uri in (f"{ROOT}/stats", f"{ROOT}/hot-leads", f"{ROOT}/stats"):
                await other.subscribe_resource(uri)
            await other.unsubscribe_resource(f"{ROOT}/hot-leads")
            backend = await tool_client.app.backend()
            assert backend.watch._watching  # type: ignore[attr-defined]  # noqa: SLF001
        await nobody_reads(tool_client)


async def test_nobody_listens_nothing_is_read(era: Any) -> None:
    """Promised by issue 4: the work runs only while somebody listens."""
    async with sync_harness(era, incremental_sync_seconds=1) as (_, _, tool_client):
        await nobody_reads(tool_client)


async def test_a_deletion_is_announced(era: Any) -> None:
    """Promised by contract.md: whatever changes the mirror."""
    async with sync_harness(era) as (sandbox, ear, tool_client):
        gone = [row["ID"] for row in sandbox.rows()][30]
        uris = [f"{ROOT}/conversations/{gone}", f"{ROOT}/stats"]
        async with ear.listening(tool_client.client, *uris):
            sandbox.delete(gone)
            backend = await tool_client.app.backend()
            await backend.syncs.sync("demo-agent")
            assert await ear.next(2) == {*uris}


async def test_reading_that_changes_nothing_announces_nothing(era: Any) -> None:
    """Ours: what is announced is read again, so it had better be new."""
    async with sync_harness(era, **EVERY_TIME) as (sandbox, ear, tool_client):
        async with ear.listening(tool_client.client, f"{ROOT}/stats"):
            for _ in range(3):
                await tool_client.ask("list_conversations", limit=1)
            sandbox.insert(userName="Ada")
            await tool_client.ask("list_conversations", limit=1)
            await ear.next()
        assert ear.heard.empty()


async def test_with_watch_the_mirror_is_kept_while_nobody_asks() -> None:
    """Promised by issue 4: `--watch`."""
    sandbox = Sandbox(size=40)
    read = asyncio.Event()
    home = asyncio.get_running_loop()
    sandbox.on_request.append(lambda _: home.call_soon_threadsafe(read.set))
    async with connected(sandbox, watch=True), asyncio.timeout(PATIENCE):
        await read.wait()


async def test_one_client_can_not_listen_to_everything(era: Any) -> None:
    """Ours: what is listened to is looked up after each reading."""
    async with sync_harness(era) as (_, ear, tool_client):
        uris = [f"{ROOT}/conversations/{number}" for number in range(501)]
        with pytest.raises(Exception, match="500 resources"):
            async with ear.listening(tool_client.client, *uris):
                pass
