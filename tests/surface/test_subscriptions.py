"""Changes are announced to subscribers in both eras; without subscribers nothing is synced."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp_types import ResourceUpdatedNotification

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.store.read.change_log import ChangeLog
from convocore_mcp.store.write.erasing import Eraser
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from tests.tool_client import ToolClient, connected

ROOT = "convocore://agents/demo-agent"
PATIENCE = 20
EVERY_TIME: Any = {"incremental_sync_seconds": 0}
"""Each call runs an incremental sync."""


class NotificationRecorder:
    """Records what a server announces, in either era."""

    def __init__(self) -> None:
        self.uris: asyncio.Queue[str] = asyncio.Queue()

    async def next(self, count: int = 1) -> set[str]:
        """The next announcements."""
        async with asyncio.timeout(PATIENCE):
            return {await self.uris.get() for _ in range(count)}

    async def on_message(self, message: Any) -> None:
        """Handle a message of the older era."""
        if isinstance(message, ResourceUpdatedNotification):
            self.uris.put_nowait(str(message.params.uri))

    @asynccontextmanager
    async def subscribed(self, client: Client, *uris: str) -> AsyncIterator[None]:
        """Subscribe to `uris` as the client's era does it."""
        if client.protocol_version < "2026":
            for uri in uris:
                await client.subscribe_resource(uri)
            yield
            for uri in uris:
                await client.unsubscribe_resource(uri)
            return
        async with client.listen(resource_subscriptions=uris) as events:

            async def record() -> None:
                async for event in events:
                    self.uris.put_nowait(event.uri)  # type: ignore[union-attr]

            task = asyncio.create_task(record())
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def recording_client(
    era: Any, size: int = 60, **settings: Any
) -> AsyncIterator[tuple[Any, ...]]:
    sandbox, recorder = Sandbox(size=size), NotificationRecorder()
    # A newer client gets its events from a stream; this handler would record them twice.
    on_message = recorder.on_message if era == "legacy" else None
    async with connected(sandbox, mode=era, on_message=on_message, **settings) as tool_client:
        await tool_client.ask("list_conversations", limit=1)
        yield sandbox, recorder, tool_client


pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")


async def test_a_change_is_announced_to_hot_leads_stats_and_the_conversation(era: Any) -> None:
    """Promised by docs/contract.md, "Resources": changes are announced.

    Holds docs/contract.md #announced.
    """
    async with recording_client(era, **EVERY_TIME) as (sandbox, recorder, tool_client):
        some, other = [row["ID"] for row in sandbox.rows()][10:12]
        lead = (await tool_client.ask("get_lead", lead=some))["lead"]["lead_id"]
        mine = [f"{ROOT}/hot-leads", f"{ROOT}/stats", f"{ROOT}/conversations/{some}"]
        also = [f"{ROOT}/leads/{lead}", f"{ROOT}/conversations?limit=5", "convocore://agents"]
        rest = [f"{ROOT}/conversations/{other}", "convocore://agents/other/stats", "file:///x"]
        async with recorder.subscribed(tool_client.client, *mine, *also, *rest):
            sandbox.touch(some, stage="won")
            await tool_client.ask("list_conversations", limit=1)
            assert await recorder.next(len(mine + also)) == {*mine, *also}

            sandbox.touch(other)
            await tool_client.ask("list_conversations", limit=1)
            announced = await recorder.next(5)
            assert f"{ROOT}/conversations/{other}" in announced
            assert not {f"{ROOT}/conversations/{some}", *rest[1:]} & announced
        assert recorder.uris.empty()


async def test_subscribers_get_changes_without_asking_a_tool(era: Any) -> None:
    """Ours: incremental syncs run periodically while somebody subscribes."""
    async with recording_client(era, incremental_sync_seconds=1) as (
        sandbox,
        recorder,
        tool_client,
    ):
        async with recorder.subscribed(tool_client.client, f"{ROOT}/stats"):
            sandbox.insert(userName="Ada")
            assert await recorder.next() == {f"{ROOT}/stats"}
        await nobody_reads(tool_client)


async def test_leads_that_are_computed_after_their_change_was_announced_are_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Promised by docs/contract.md #announced: another process may be between the two."""
    async with recording_client("legacy", incremental_sync_seconds=1) as (
        sandbox,
        recorder,
        tool_client,
    ):

        async def hot() -> bool:
            found = await tool_client.read(f"{ROOT}/hot-leads")
            return "Zoe Newly" in {lead.get("name") for lead in found["leads"]}

        async with recorder.subscribed(tool_client.client, f"{ROOT}/hot-leads"):
            with monkeypatch.context() as held:
                held.setattr(MirrorWriter, "rebuild_leads", lambda *_: 0)
                sandbox.insert(userName="Zoe Newly", stage="new", hotLabel="hot", leadScore=100)
                await recorder.next()
                assert not await hot()
            await recorder.next()
            async with asyncio.timeout(PATIENCE):
                while not await hot():
                    await recorder.next()


async def test_a_change_during_which_somebody_subscribed_is_announced_to_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Promised by docs/contract.md #announced: a change after the subscription is not lost."""
    looking, go_on, look = threading.Event(), threading.Event(), ChangeLog.changed_since

    def changed_since(log: ChangeLog, agent_id: str, **arguments: Any) -> Any:
        looking.set()
        assert go_on.wait(PATIENCE)
        return look(log, agent_id, **arguments)

    async with recording_client("legacy", **EVERY_TIME) as (sandbox, recorder, tool_client):
        monkeypatch.setattr(ChangeLog, "changed_since", changed_since)
        id_ = next(iter(sandbox.rows()))["ID"]
        late = f"{ROOT}/conversations/{id_}"
        async with recorder.subscribed(tool_client.client, f"{ROOT}/stats"):
            await tool_client.ask("list_conversations", limit=1)
            assert await asyncio.to_thread(looking.wait, PATIENCE)
            await tool_client.client.subscribe_resource(late)
            sandbox.touch(id_)
            await tool_client.ask("list_conversations", limit=1)
            go_on.set()
            assert await recorder.next(2) == {f"{ROOT}/stats", late}


async def nobody_reads(tool_client: ToolClient) -> None:
    backend = await tool_client.app.backend()
    watch: Any = backend.watch
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*watch._tasks)  # noqa: SLF001  they end, or this never does
    assert not watch._watching  # noqa: SLF001


async def test_the_subscriptions_of_a_disconnected_client_are_removed() -> None:
    """Ours: else its agent would be synced for ever."""
    async with connected(Sandbox(size=20), mode="legacy") as tool_client:
        async with Client(tool_client.server, mode="legacy") as other:
            for uri in (f"{ROOT}/stats", f"{ROOT}/hot-leads", f"{ROOT}/stats"):
                await other.subscribe_resource(uri)
            await other.unsubscribe_resource(f"{ROOT}/hot-leads")
            backend = await tool_client.app.backend()
            assert backend.watch._watching  # type: ignore[attr-defined]  # noqa: SLF001
        await nobody_reads(tool_client)


async def test_without_subscribers_nothing_is_synced(era: Any) -> None:
    """Ours: requests to Convocore have to have a reason."""
    async with recording_client(era, incremental_sync_seconds=1) as (_, _, tool_client):
        await nobody_reads(tool_client)


async def test_a_deletion_is_announced(era: Any) -> None:
    """Promised by docs/contract.md, "Resources": whatever changes the mirror."""
    async with recording_client(era) as (sandbox, recorder, tool_client):
        gone = [row["ID"] for row in sandbox.rows()][30]
        uris = [f"{ROOT}/conversations/{gone}", f"{ROOT}/stats"]
        async with recorder.subscribed(tool_client.client, *uris):
            sandbox.delete(gone)
            backend = await tool_client.app.backend()
            await backend.syncs.sync("demo-agent")
            assert await recorder.next(2) == {*uris}


async def test_that_a_person_was_erased_is_announced(era: Any, tmp_path: Path) -> None:
    """Promised by docs/contract.md #announced: who is forgotten is no longer among them."""
    place: dict[str, Any] = {"store": str(tmp_path / "mirror.sqlite3")}
    async with recording_client(era, incremental_sync_seconds=1, **place) as (
        sandbox,
        recorder,
        tool_client,
    ):
        some, other = [row["ID"] for row in sandbox.rows()][10:12]
        lead = (await tool_client.ask("get_lead", lead=some))["lead"]
        ids = [conversation["id"] for conversation in lead["conversations"]]
        uris = {f"{ROOT}/hot-leads", f"{ROOT}/stats", f"{ROOT}/conversations/{some}"}
        uris.add(f"{ROOT}/leads/{lead['lead_id']}")
        backend = await tool_client.app.backend()
        eraser = Eraser(backend.syncs._parts.mirror.database)  # noqa: SLF001
        also = f"{ROOT}/conversations/{other}"
        async with recorder.subscribed(tool_client.client, *uris, also):
            eraser.forget("demo-agent", ids)
            assert await recorder.next(len(uris)) == uris


async def test_a_sync_that_changes_nothing_announces_nothing(era: Any) -> None:
    """Ours: clients read again what is announced."""
    async with recording_client(era, **EVERY_TIME) as (sandbox, recorder, tool_client):
        async with recorder.subscribed(tool_client.client, f"{ROOT}/stats"):
            for _ in range(3):
                await tool_client.ask("list_conversations", limit=1)
            sandbox.insert(userName="Ada")
            await tool_client.ask("list_conversations", limit=1)
            await recorder.next()
        assert recorder.uris.empty()


async def test_with_watch_the_mirror_is_kept_fresh_while_nobody_asks() -> None:
    """Promised by docs/operations.md, "Commands": `--watch`."""
    sandbox = Sandbox(size=40)
    read = asyncio.Event()
    home = asyncio.get_running_loop()
    sandbox.on_request.append(lambda _: home.call_soon_threadsafe(read.set))
    async with connected(sandbox, watch=True), asyncio.timeout(PATIENCE):
        await read.wait()


async def test_the_subscriptions_of_one_client_are_limited(era: Any) -> None:
    """Ours: every subscribed resource is looked up after each sync."""
    async with recording_client(era) as (_, recorder, tool_client):
        uris = [f"{ROOT}/conversations/{number}" for number in range(501)]
        with pytest.raises(Exception, match="500 resources"):
            async with recorder.subscribed(tool_client.client, *uris):
                pass
