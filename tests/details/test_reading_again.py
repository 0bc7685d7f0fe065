"""Details that have become old are read again: no list says that somebody has edited them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.store.details.tables import details
from tests.details.details_harness import (
    FAST,
    NOW,
    full_rows,
    notes,
    requested_single_ids,
    until_details_are_in,
)
from tests.tool_client import ToolClient, connected

ALL: dict[str, Any] = FAST | {"details": "all", "incremental_sync_seconds": 36_000}
OLD, OUTDATED = timedelta(hours=7), timedelta(hours=13)
"""More than one and two intervals of full syncs."""


def sandbox_of_three() -> Sandbox:
    """Three conversations of which the list shows little."""
    sandbox = Sandbox(now=NOW, sparse=True)
    sandbox.replace(list(full_rows(3, userName="Ann", stage="new")))
    return sandbox


async def let_pass(client: ToolClient, age: timedelta) -> None:
    """Make the details in the mirror older by `age`."""
    backend = await client.app.backend()
    read_at = details.c.read_at - int(age.total_seconds() * 1000)
    with backend.syncs._parts.mirror.database.writing() as connection:  # type: ignore[attr-defined]  # noqa: SLF001
        connection.execute(update(details).values(read_at=read_at))


async def read_list_and_details(client: ToolClient, *, full: bool = True) -> None:
    """What happens in the background after a while."""
    backend = await client.app.backend()
    (agent,) = backend.agents
    await backend.syncs.sync(agent, full=full)
    await backend.syncs.details(agent).finish()  # type: ignore[attr-defined]


async def test_an_edit_that_no_list_shows_is_found_and_is_a_change() -> None:
    """Promised by docs/architecture.md, "Details": old details are read again.

    Holds docs/contract.md #never-falsely-complete.
    """
    sandbox = sandbox_of_three()
    async with connected(sandbox, **ALL) as client:
        await until_details_are_in(client)
        cursor = (await client.ask("list_changes"))["next_cursor"]
        sandbox.edit("c0", stage="won", state="requested_chat")
        await let_pass(client, OLD)
        await read_list_and_details(client)
        won = await client.ask("list_conversations", stage="won")
        assert [row["id"] for row in won["conversations"]] == ["c0"]
        assert won["conversations"][0]["state"] == "requested_chat"
        assert (await client.ask("list_leads", where="waiting=true"))["total"] == 1
        (change,) = (await client.ask("list_changes", cursor=cursor))["changes"]
        assert change["became"] == ["waiting", "won"]
        assert change["changed"]["stage"] == ["new", "won"]
        asked = len(requested_single_ids(sandbox))
        await read_list_and_details(client)
        assert len(requested_single_ids(sandbox)) == asked == 6  # each once more


async def test_what_is_too_old_is_noted_until_it_was_read_again() -> None:
    """Promised by docs/contract.md, "Rules for every answer": stale data is a note.

    Holds docs/contract.md #note-stale.
    """
    async with connected(sandbox_of_three(), **ALL) as client:
        await until_details_are_in(client)
        await let_pass(client, OUTDATED)
        for scope in ({}, {"since": "2026-01-01"}):
            answer = await client.ask("list_conversations", **scope)
            assert answer["freshness"]["complete"] is False
            assert "The details of 3 conversations were last read long ago" in notes(answer)
        later = await client.ask("list_conversations", since="2026-07-01")
        assert later["freshness"]["complete"] is True  # none of them was active since
        await read_list_and_details(client)
        answer = await client.ask("list_conversations")
        assert answer["freshness"]["complete"] is True
        assert "notes" not in answer["freshness"]


async def test_details_that_were_read_by_a_clock_ahead_are_read_again() -> None:
    """Ours: nobody knows how old they are."""
    sandbox = sandbox_of_three()
    async with connected(sandbox, **ALL) as client:
        await until_details_are_in(client)
        await let_pass(client, -timedelta(days=365))
        assert (await client.ask("list_conversations"))["freshness"]["complete"] is False
        sandbox.edit("c1", stage="lost")
        await read_list_and_details(client)
        lost = await client.ask("list_conversations", stage="lost")
        assert lost["total"] == 1
        assert lost["freshness"]["complete"] is True


async def test_what_changed_beside_a_new_message_is_a_change() -> None:
    """Promised by docs/contract.md, "`list_changes`": every change is delivered.

    Holds docs/contract.md #every-change.
    """
    sandbox = sandbox_of_three()
    async with connected(sandbox, **ALL) as client:
        await until_details_are_in(client)
        cursor = (await client.ask("list_changes"))["next_cursor"]
        sandbox.touch("c2", stage="won")  # the list shows the message and not the stage
        await read_list_and_details(client, full=False)
        (change,) = (await client.ask("list_changes", cursor=cursor, became="won"))["changes"]
        assert change["changed"]["stage"] == ["new", "won"]


async def test_another_conversation_than_was_asked_for_is_merged_into_none() -> None:
    """Ours: it would make the conversation another person's."""

    class Mistaken(Sandbox):
        """Answers the question for one conversation with another one."""

        def item(self, conversation_id: str) -> Any:
            return super().item("c1" if conversation_id == "c0" else conversation_id)

    sandbox = Mistaken(now=NOW, sparse=True)
    rows = full_rows(3)
    rows[1]["userName"] = "Someone Else"
    sandbox.replace(list(rows))
    async with connected(sandbox, **ALL) as client:
        answer = await until_details_are_in(client)
        assert "does not give the details of 1 conversation:" in notes(answer)
        named = await client.ask("list_conversations", where="name exists")
        assert [row["id"] for row in named["conversations"]] == ["c1"]


class CachedSingles(Sandbox):
    """Answers for single conversations what `frozen` has of them, also nothing."""

    frozen: dict[str, Any] | None = None

    def item(self, conversation_id: str) -> Any:
        frozen = self.frozen or {}
        return frozen.get(conversation_id, super().item(conversation_id))


async def test_details_older_than_their_row_are_read_once_more_a_minute_later() -> None:
    """Ours: a cache may have answered with a state from before the row.

    Holds docs/contract.md #never-falsely-complete.
    """
    sandbox = CachedSingles(now=NOW, sparse=True)
    sandbox.replace(list(full_rows(3, userName="Ann", stage="new")))
    sandbox.frozen = {"c1": sandbox.item("c1") | {"ts": NOW.timestamp() - 9_000_000}}
    sandbox.edit("c1", stage="won")
    minute = timedelta(minutes=2)
    async with connected(sandbox, **ALL) as client:
        await until_details_are_in(client)
        assert (await client.ask("list_conversations", stage="won"))["total"] == 0
        await let_pass(client, minute)
        await read_list_and_details(client, full=False)
        assert requested_single_ids(sandbox).count("c1") == 2
        await let_pass(client, minute)
        await read_list_and_details(client, full=False)
        assert requested_single_ids(sandbox).count("c1") == 2  # it is no cache, or a long one
        sandbox.touch("c1")
        await read_list_and_details(client, full=False)
        sandbox.frozen = {}
        await let_pass(client, minute)
        await read_list_and_details(client, full=False)
        assert (await client.ask("list_conversations", stage="won"))["total"] == 1
        assert requested_single_ids(sandbox).count("c1") == 4
        assert requested_single_ids(sandbox).count("c0") == 1


async def test_details_that_convocore_gives_no_more_are_kept_and_nothing_changed() -> None:
    """Ours: a 404 of a single conversation proves nothing, and nobody lost their name."""
    sandbox = CachedSingles(now=NOW, sparse=True)
    sandbox.replace(list(full_rows(3, userName="Ann", stage="new")))
    async with connected(sandbox, **ALL) as client:
        await until_details_are_in(client)
        cursor = (await client.ask("list_changes"))["next_cursor"]
        sandbox.frozen = {"c1": None}
        for _ in range(3):
            sandbox.touch("c1")
            await read_list_and_details(client, full=False)
            named = await client.ask("list_conversations", where="name=Ann")
            assert named["total"] == 3
            assert "does not give the details of 1 conversation" in notes(named)
        changes = (await client.ask("list_changes", cursor=cursor))["changes"]
        assert {name for change in changes for name in change["changed"]} == {
            "last_activity", "messages",
        }  # fmt: skip


async def test_a_row_whose_time_goes_back_is_one_change() -> None:
    """Ours: known details are newer than the row at first, and the row says nothing new.

    Holds docs/contract.md #every-change.
    """
    sandbox = Sandbox(now=NOW, sparse=True)
    rows = full_rows(3, userName="Ann", stage="new")
    sandbox.replace(list(rows))
    async with connected(sandbox, **ALL) as client:
        await until_details_are_in(client)
        cursor = (await client.ask("list_changes"))["next_cursor"]
        earlier = rows[2]["ts"] - 600
        sandbox.replace([*rows[:2], rows[2] | {"ts": earlier, "lastMessageTS": earlier}])
        for _ in range(3):
            await read_list_and_details(client)
        (change,) = (await client.ask("list_changes", cursor=cursor))["changes"]
        assert change["changed"].keys() == {"last_activity"}
