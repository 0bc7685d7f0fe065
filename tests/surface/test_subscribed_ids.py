"""Who subscribed to one person is told of each change, whatever their ID is or becomes."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.surface.test_subscriptions import EVERY_TIME, ROOT, recording_client

pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")


@pytest.mark.parametrize("pii", ["full", "masked"])
@pytest.mark.parametrize("id_", ["a b ", "4915112345678", "ü/x", "%20d1"])
async def test_a_change_is_announced_under_the_id_that_answers_show(pii: str, id_: str) -> None:
    """Promised by docs/contract.md #announced: what was shown can be pasted into a URI."""
    settings: dict[str, Any] = {**EVERY_TIME, "pii": pii}
    async with recording_client("auto", **settings) as (sandbox, recorder, tool_client):
        sandbox.insert(ID=id_, userName="Ann Lee", userEmail="ann@lee.example")
        await tool_client.until_complete()
        (row,) = (await tool_client.ask("list_conversations", limit=1))["conversations"]
        shown = quote(row["id"], safe="")
        uris = {f"{ROOT}/conversations/{shown}", f"{ROOT}/leads/{shown}"}
        async with recorder.subscribed(tool_client.client, *uris):
            sandbox.touch(id_, summary="something new")
            await tool_client.ask("list_conversations", limit=1)
            assert await recorder.next(2) == uris


async def test_whoever_becomes_one_with_somebody_else_is_announced() -> None:
    """Promised by docs/contract.md #announced: their lead shows more from then on."""
    async with recording_client("auto", **EVERY_TIME) as (sandbox, recorder, tool_client):
        for id_, phone in (("m1", "+4915155555771"), ("m2", "+4915155555882")):
            sandbox.insert(ID=id_, userName=id_, userEmail=f"{id_}@x.example", userPhone=phone)
        await tool_client.until_complete()
        uris = {f"{ROOT}/leads/m1", f"{ROOT}/leads/m2"}
        async with recorder.subscribed(tool_client.client, *uris):
            sandbox.insert(userEmail="m1@x.example", userPhone="+4915155555882")
            await tool_client.ask("list_conversations", limit=1)
            assert await recorder.next(2) == uris
            one, two = [await tool_client.read(uri) for uri in sorted(uris)]
            assert one["lead"] == two["lead"]

            sandbox.touch("m1", summary="something new")
            await tool_client.ask("list_conversations", limit=1)
            assert await recorder.next(2) == uris


async def test_after_another_mirror_has_taken_the_place_of_the_old_one_changes_are_announced(
    tmp_path: Path,
) -> None:
    """Promised by docs/contract.md #announced: numbers of the new mirror begin at zero."""
    settings: dict[str, Any] = {**EVERY_TIME, "store": str(tmp_path / "mirror.sqlite3")}
    async with recording_client("auto", **settings) as (sandbox, recorder, tool_client):
        for number in range(3):
            sandbox.touch(next(iter(sandbox.rows()))["ID"], summary=f"the number {number}")
            await tool_client.until_complete()
        id_ = [row["ID"] for row in sandbox.rows()][5]
        uris = {f"{ROOT}/stats", f"{ROOT}/conversations/{id_}"}
        async with recorder.subscribed(tool_client.client, *uris):
            for file in list(tmp_path.glob("mirror.sqlite3*")):  # noqa: ASYNC240
                file.unlink()
            await tool_client.call("list_conversations", limit=1)  # says that it was replaced
            await tool_client.until_complete()
            assert await recorder.next(2) == uris

            while not recorder.uris.empty():
                recorder.uris.get_nowait()
            sandbox.touch(id_, summary="something new")
            await tool_client.ask("list_conversations", limit=1)
            assert await recorder.next(2) == uris


async def test_the_new_mirror_is_filled_and_announced_while_nobody_asks(tmp_path: Path) -> None:
    """Promised by docs/contract.md #announced: a subscriber does not have to ask a tool first."""
    settings: dict[str, Any] = {
        "incremental_sync_seconds": 1,
        "store": str(tmp_path / "mirror.sqlite3"),
    }
    async with (
        recording_client("auto", **settings) as (_, recorder, tool_client),
        recorder.subscribed(tool_client.client, f"{ROOT}/hot-leads"),
    ):
        for file in list(tmp_path.glob("mirror.sqlite3*")):  # noqa: ASYNC240
            file.unlink()
        assert await recorder.next() == {f"{ROOT}/hot-leads"}
