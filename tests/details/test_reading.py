"""How details are read: after a trial, each version once, whatever single records do."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from convocore_mcp.errors import ForbiddenError, UnavailableError
from convocore_mcp.models import Conversation
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.store.database.schema import dirty_conversations
from convocore_mcp.store.details.trial_rows import SHORT_TRIAL, TRIAL_SIZE
from convocore_mcp.sync.agent_sync import SyncParts
from convocore_mcp.sync.details.details_parts import DetailsParts, SingleConversations
from tests.details.details_harness import (
    FAST,
    FULL_ROW,
    NOW,
    full_rows,
    notes,
    requested_single_ids,
    until_details_are_in,
)
from tests.tool_client import connected

WHO: dict[str, Any] = {
    "userName": "Ann",
    "userEmail": "ann@example.org",
    "userPhone": "+14155550100",
    "contactIdentityId": "ann",
    "capturedVariables": {"budget": "25k"},
    "tokenUsage": {"cumulativeTotalTokens": 10},
}


def leave_out(sandbox: Sandbox, names: set[str]) -> None:
    """Have the list leave out these fields of every row."""

    def listed(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in names}

    sandbox.alter_page(lambda page, _: page | {"data": [listed(row) for row in page["data"]]})


async def test_a_full_list_costs_no_request_more() -> None:
    """Promised by docs/architecture.md, "Details": only sparse rows are asked for."""
    sandbox = Sandbox(now=NOW)
    sandbox.replace(list(full_rows(50, **WHO, stage="new", title="A price")))
    async with connected(sandbox, **FAST) as client:
        answer = await until_details_are_in(client)
        assert "notes" not in answer["freshness"]
    assert requested_single_ids(sandbox) == []


@pytest.mark.parametrize(
    ("field", "instead"),
    [("userName", {}), ("userName", {"userName": ""}), ("contactIdentityId", {})],
)
async def test_a_field_that_the_list_leaves_out_of_every_row_is_read_from_single_conversations(
    field: str, instead: dict[str, str]
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": no `not_found` that is not, and no
    person who is two."""
    sandbox = Sandbox(now=NOW)
    rows = full_rows(70, **WHO, stage="new", title="A price")
    for number, row in enumerate(rows):
        row |= {"userName": f"Jane Person{number // 2}", "contactIdentityId": f"p{number // 2}"}
        row |= {"userEmail": f"{number}@example.org", "userPhone": f"+141555501{number:02d}"}
    sandbox.replace(rows)
    sandbox.alter_page(lambda page, _: page | {"data": [without(row) for row in page["data"]]})

    def without(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name != field} | instead

    async with connected(sandbox, **FAST, incremental_sync_seconds=0) as client:
        first = await client.ask("list_leads", limit=1)
        assert first["total"] == 35 or not first["freshness"]["complete"]
        await until_details_are_in(client)
        cursor = (await client.ask("list_changes"))["next_cursor"]
        sandbox.touch("c66")  # its new row says as little
        await until_details_are_in(client)
        assert (await client.ask("list_leads", limit=1))["total"] == 35
        lead = (await client.ask("get_lead", lead="Person33"))["lead"]
        assert {each["id"] for each in lead["conversations"]} == {"c66", "c67"}
        (change,) = (await client.ask("list_changes", cursor=cursor))["changes"]
        assert change["changed"].keys() <= {"last_activity", "messages"}
    assert sorted(requested_single_ids(sandbox)) == sorted([*(row["ID"] for row in rows), "c66"])


async def test_where_single_conversations_add_nothing_some_twenty_are_asked_for_once() -> None:
    """Promised by docs/architecture.md, "Details": the list is full if a trial adds nothing."""
    sandbox = Sandbox(now=NOW)
    rows = [row | {"summary": None} for row in full_rows(200)]
    sandbox.replace(rows)
    async with connected(sandbox, **FAST, incremental_sync_seconds=0) as client:
        answer = await until_details_are_in(client)
        assert "notes" not in answer["freshness"]
        sandbox.edit("c7", stage="won")
        await until_details_are_in(client)
        assert TRIAL_SIZE <= len(requested_single_ids(sandbox)) < TRIAL_SIZE + 4
        backend = await client.app.backend()
        await backend.syncs.sync(sandbox.agent_id)
        await backend.syncs.details(sandbox.agent_id).finish()  # type: ignore[attr-defined]
        assert len(requested_single_ids(sandbox)) > TRIAL_SIZE + 4  # tried again after a full sync
        others = [id_ for id_ in requested_single_ids(sandbox) if id_ != "c7"]
        assert len(set(others)) == len(others)


async def test_a_list_of_which_no_single_conversation_is_found_counts_as_full() -> None:
    """Promised by docs/upstream.md, "The single conversation": they all answer 404."""
    sandbox = Sandbox(now=NOW)
    sandbox.replace(
        [
            row | {"ID": f"{sandbox.agent_id}_{i}", "state": None}
            for i, row in enumerate(full_rows(99))
        ]
    )
    async with connected(sandbox, **FAST) as client:
        await until_details_are_in(client)
    assert len(requested_single_ids(sandbox)) == SHORT_TRIAL


@pytest.mark.parametrize("left_out", [{"userName"}, {"userName", "state", "summary"}])
@pytest.mark.parametrize("broken", [False, True], ids=["made through the API", "broken"])
async def test_conversations_that_are_not_found_alone_make_no_list_full(
    left_out: set[str], *, broken: bool
) -> None:
    """Promised by docs/contract.md #never-falsely-complete: a campaign may make many at once."""
    sandbox = Sandbox(now=NOW)
    rows = list(full_rows(2 * SHORT_TRIAL, userName="Ann"))
    for row in rows[: SHORT_TRIAL + 9]:  # the newest and the hottest
        row |= {"leadScore": 60, "funnelLastEvaluated": 1_780_000_000}
        if broken:
            sandbox.break_record(row["ID"])
        else:
            row["ID"] = f"{sandbox.agent_id}_{row['ID']}"
    sandbox.replace(rows)
    leave_out(sandbox, left_out)
    async with connected(sandbox, **FAST) as client:
        await until_details_are_in(client)
        found = await client.ask("list_conversations", query="Ann", limit=1)
        assert found["total"] == SHORT_TRIAL - 9
        assert f"does not give the details of {SHORT_TRIAL + 9} conversations" in notes(found)


@pytest.mark.parametrize("left_out", [{"userName"}, {"userName", "state", "summary"}])
@pytest.mark.parametrize("first", [0, 2])
async def test_a_trial_of_few_conversations_says_little_of_those_that_come_later(
    left_out: set[str], first: int
) -> None:
    """Promised by docs/contract.md #never-falsely-complete: a new agent has none yet."""
    sandbox = Sandbox(now=NOW)
    sandbox.replace(list(full_rows(first)))  # nobody has told a name yet
    leave_out(sandbox, left_out)
    async with connected(sandbox, **FAST, incremental_sync_seconds=0) as client:
        await until_details_are_in(client)
        for number in range(4):
            sandbox.insert(**FULL_ROW | {"ID": f"new{number}", "userName": "Ann"})
        found = await client.ask("list_conversations", query="Ann")
        assert found["total"] == 4 or not found["freshness"]["complete"]
        await until_details_are_in(client)
        assert (await client.ask("list_conversations", query="Ann"))["total"] == 4


async def test_rows_that_change_before_a_trial_are_tried_all_the_same(tmp_path: Path) -> None:
    """Promised by docs/architecture.md, "Details": until it has ended, no answer is complete."""
    sandbox = Sandbox(now=NOW)
    sandbox.replace(list(full_rows(4, userName="Ann")))
    leave_out(sandbox, {"userName"})
    with serving(sandbox) as base_url:
        place: dict[str, Any] = {"store": str(tmp_path / "mirror.sqlite3"), "base_url": base_url}
        async with connected(sandbox, **place, incremental_sync_seconds=0) as client:
            await client.until_read()
            for number in range(4):
                sandbox.touch(f"c{number}")
            await client.ask("list_conversations")
        async with connected(sandbox, **place, **FAST) as client:
            found = await client.ask("list_conversations", query="Ann")
            assert found["total"] == 4 or not found["freshness"]["complete"]
            await until_details_are_in(client)
            assert (await client.ask("list_conversations", query="Ann"))["total"] == 4


async def test_what_was_read_without_a_trial_shows_what_the_list_leaves_out(tmp_path: Path) -> None:
    """Promised by docs/contract.md #never-falsely-complete: details were all read, then off."""
    sandbox = Sandbox(now=NOW)
    sandbox.replace(list(full_rows(4, userName="Ann")))
    leave_out(sandbox, {"userName"})
    with serving(sandbox) as base_url:
        place: dict[str, Any] = {"store": str(tmp_path / "mirror.sqlite3"), "base_url": base_url}
        async with connected(sandbox, **place, **FAST | {"details": "all"}) as client:
            await until_details_are_in(client)
            assert (await client.ask("list_conversations", query="Ann"))["total"] == 4
        sandbox.insert(**FULL_ROW | {"ID": "new", "userName": "Ann"})
        async with connected(sandbox, **place, incremental_sync_seconds=0) as client:
            found = await client.ask("list_conversations", query="Ann")
            assert (found["total"], found["freshness"]["complete"]) == (4, False)
            assert "details are not read" in notes(found)


@pytest.mark.parametrize("left_out", [{"userName"}, {"userName", "state"}])
async def test_where_no_details_are_given_answers_say_that_the_list_may_leave_out_something(
    monkeypatch: pytest.MonkeyPatch, left_out: set[str]
) -> None:
    """Promised by docs/contract.md #details-not-given: the plan has no single conversations."""

    class NotInPlan:
        async def conversation(self, _agent_id: str, _id: str) -> Conversation | None:
            raise ForbiddenError("Convocore says the plan does not include this (403).")

    with_parts = SyncParts.for_details
    monkeypatch.setattr(
        SyncParts, "for_details", lambda parts: replace(with_parts(parts), upstream=NotInPlan())
    )
    sandbox = Sandbox(now=NOW)
    sandbox.replace(list(full_rows(30, userName="Ann")))
    leave_out(sandbox, left_out)
    async with connected(sandbox, **FAST) as client:
        await until_details_are_in(client)
        found = await client.ask("list_conversations", query="Ann")
        assert "Convocore does not give the details of 30 conversations" in notes(found)


async def test_where_no_single_conversation_is_found_answers_are_complete_and_say_so() -> None:
    """Promised by docs/contract.md #details-not-given: and no more of them is asked for."""
    sandbox = Sandbox(now=NOW)
    sandbox.replace(list(full_rows(3 * SHORT_TRIAL, userName="Ann")))
    leave_out(sandbox, {"userName", "state"})
    for number in range(3 * SHORT_TRIAL):
        sandbox.without_item(f"c{number}")
    async with connected(sandbox, **FAST) as client:
        found = await until_details_are_in(client)
    assert found["freshness"]["complete"]
    assert f"does not give the details of {3 * SHORT_TRIAL} conversations" in notes(found)
    assert len(requested_single_ids(sandbox)) == SHORT_TRIAL


@pytest.mark.parametrize("broken", [False, True], ids=["not found", "broken"])
async def test_where_none_of_a_few_single_conversations_can_be_read_answers_say_so(
    *, broken: bool
) -> None:
    """Promised by docs/contract.md #details-not-given: a note how many. It shows no full list.

    The note stays after the next full sync, and a conversation that comes later is asked for.
    """
    sandbox = Sandbox(now=NOW)
    sandbox.replace(list(full_rows(7, userName="Ann")))
    leave_out(sandbox, {"userName", "state"})
    for number in range(7):
        (sandbox.break_record if broken else sandbox.without_item)(f"c{number}")
    async with connected(sandbox, **FAST) as client:
        found = await until_details_are_in(client)
        assert "does not give the details of 7 conversations" in notes(found)
        backend = await client.app.backend()
        (agent,) = backend.agents
        await backend.syncs.sync(agent, full=True)
        found = await until_details_are_in(client)
        assert "does not give the details of 7 conversations" in notes(found)
        sandbox.replace(list(full_rows(8, userName="Ann")))
        await backend.syncs.sync(agent, full=False)
        await until_details_are_in(client)
        found = await client.ask("list_conversations", query="Ann")
        assert [row["id"] for row in found["conversations"]] == ["c7"]
    assert sorted(requested_single_ids(sandbox)) == [f"c{number}" for number in range(8)]


async def test_one_refusal_does_not_mean_that_no_single_conversation_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Promised by docs/architecture.md, "Details": one answer of 403 may be the record's own."""
    refusals = [ForbiddenError("Convocore says that this is not allowed (403).")]

    class RefusesOnce:
        def __init__(self, upstream: SingleConversations) -> None:
            self._upstream = upstream

        async def conversation(self, agent_id: str, id_: str) -> Conversation | None:
            if refusals:
                raise refusals.pop()
            return await self._upstream.conversation(agent_id, id_)

    def with_one_refusal(parts: SyncParts) -> DetailsParts:
        found = with_parts(parts)
        return replace(found, upstream=RefusesOnce(found.upstream))

    with_parts = SyncParts.for_details
    monkeypatch.setattr(SyncParts, "for_details", with_one_refusal)
    sandbox = Sandbox(now=NOW)
    sandbox.replace(list(full_rows(30, userName="Ann")))
    leave_out(sandbox, {"userName"})
    async with connected(sandbox, **FAST) as client:
        await until_details_are_in(client)
        found = await client.ask("list_conversations", query="Ann")
    assert not refusals
    assert (found["total"], "does not give" in notes(found)) == (30, False)


async def test_a_broken_record_is_asked_for_once_and_hinders_no_other() -> None:
    """Promised by docs/upstream.md, "The single conversation": a broken record, not an outage.

    Holds docs/contract.md #details-not-given.
    """
    sandbox = Sandbox(now=NOW, sparse=True)
    sandbox.replace(list(full_rows(40, userName="Ann")))
    for number in range(0, 40, 2):
        sandbox.break_record(f"c{number}")
    for row in sandbox._list._rows._rows[::2]:  # type: ignore[attr-defined]  # noqa: SLF001
        del row["state"]
    async with connected(sandbox, **FAST) as client:
        answer = await until_details_are_in(client)
        assert "does not give the details of 20 conversations" in notes(answer)
        health = (await client.app.backend()).syncs._parts.health  # type: ignore[attr-defined]  # noqa: SLF001
        assert health.note is None
        assert health.last_error is None
        await until_details_are_in(client)
    assert sorted(requested_single_ids(sandbox)) == sorted(f"c{number}" for number in range(40))


async def test_reading_goes_on_where_another_process_stopped(tmp_path: Path) -> None:
    """Promised by docs/architecture.md, "Details": each version once, also after a restart."""
    sandbox = Sandbox(size=80, now=NOW, sparse=True)
    store = str(tmp_path / "mirror.sqlite3")
    with serving(sandbox) as base_url:
        place: dict[str, Any] = {"store": store, "base_url": base_url}
        async with connected(sandbox, **place, details="auto") as client:
            slow = await client.ask("conversation_stats")
            assert not slow["freshness"]["complete"]
        interrupted = requested_single_ids(sandbox)
        async with connected(sandbox, **place, **FAST) as client:
            await until_details_are_in(client)
    asked = requested_single_ids(sandbox)
    assert 0 < len(interrupted) < len(asked)
    by_item = [row["ID"] for row in sandbox.rows() if sandbox.item(row["ID"])]
    assert set(by_item) <= set(asked)
    # What was under way when the first process stopped may be asked for again.
    assert len(asked) - len(set(asked)) <= 4


async def test_without_details_no_single_conversation_is_asked_for_and_answers_say_so() -> None:
    """Promised by docs/contract.md, "Rules for every answer": never complete when it isn't."""
    sandbox = Sandbox(now=NOW, sparse=True)
    sandbox.replace(full_rows(40, userName="Ann"))
    async with connected(sandbox, details="off") as client:
        await client.until_read()
        for answer in (
            await client.ask("summarize_hot_leads"),
            await client.ask("list_conversations", query="price"),
        ):
            assert not answer["freshness"]["complete"]
            assert "too little of 40 conversations, and their details are not read" in notes(answer)
        assert (await client.ask("list_conversations", fields="messages"))["freshness"]["complete"]
    assert requested_single_ids(sandbox) == []


async def test_what_a_full_list_no_longer_says_is_not_kept_from_a_trial() -> None:
    """Promised by docs/contract.md #never-falsely-complete: the trial has read the same stage."""
    sandbox = Sandbox(now=NOW)
    sandbox.replace([row | {"summary": None} for row in full_rows(40, stage="proposal")])
    async with connected(sandbox, **FAST, incremental_sync_seconds=0) as client:
        await until_details_are_in(client)
        assert "c0" in requested_single_ids(sandbox)
        sandbox.edit("c0", stage=None)
        answer = await client.ask("list_conversations", stage="proposal")
        assert (answer["total"], answer["freshness"]["complete"]) == (39, True)


async def test_with_all_sparse_rows_are_read_without_a_trial() -> None:
    """Promised by docs/contract.md, "Configuration"."""
    sandbox = Sandbox(now=NOW)
    sandbox.replace([row | {"summary": None} for row in full_rows(60)])
    async with connected(sandbox, **FAST | {"details": "all"}) as client:
        await until_details_are_in(client)
    assert len(requested_single_ids(sandbox)) == len(set(requested_single_ids(sandbox))) == 60


async def test_details_are_read_at_the_pace_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promised by docs/architecture.md, "Details": no more a second than is set."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    with_parts = SyncParts.for_details
    monkeypatch.setattr(SyncParts, "for_details", lambda p: replace(with_parts(p), sleep=sleep))
    sandbox = Sandbox(now=NOW)
    sandbox.replace([row | {"summary": None} for row in full_rows(10)])
    async with connected(sandbox, details="all", details_per_second=0.25) as client:
        await until_details_are_in(client)
    assert slept == [4.0] * 10


async def test_records_that_let_each_request_time_out_hold_up_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Promised by docs/architecture.md, "Details": other failures pause, and no more."""
    failing, read, all_read = {f"c{number}" for number in range(8)}, set[str](), asyncio.Event()

    class SomeTimeOut:
        def __init__(self, upstream: SingleConversations) -> None:
            self.upstream = upstream

        async def conversation(self, agent_id: str, conversation_id: str) -> Conversation | None:
            if conversation_id in failing:
                raise UnavailableError("Convocore did not answer in time.")
            read.add(conversation_id)
            if len(read) == 12:
                all_read.set()
            return await self.upstream.conversation(agent_id, conversation_id)

    def with_failures(parts: DetailsParts) -> DetailsParts:
        async def no_pause(_: float) -> None:
            await asyncio.sleep(0)

        return replace(parts, upstream=SomeTimeOut(parts.upstream), sleep=no_pause)

    with_parts = SyncParts.for_details
    monkeypatch.setattr(SyncParts, "for_details", lambda p: with_failures(with_parts(p)))
    sandbox = Sandbox(now=NOW)
    sandbox.replace([row | {"summary": None} for row in full_rows(20)])
    async with connected(sandbox, details="all", details_per_second=1) as client:
        await client.until_read()
        await asyncio.wait_for(all_read.wait(), 30)


@pytest.mark.parametrize("order", ["newest", "hottest"])
async def test_the_newest_and_the_hottest_are_read_first(order: str) -> None:
    """Promised by docs/architecture.md, "Details"."""
    sandbox = Sandbox(now=NOW, sparse=True)
    rows = full_rows(100, userName="Ann")
    for number, row in enumerate(rows):
        row |= {"leadScore": number * 37 % 100, "funnelLastEvaluated": 1_780_000_000}
    sandbox.replace(list(rows))
    async with connected(sandbox, **FAST) as client:
        await until_details_are_in(client)
    first = set(requested_single_ids(sandbox)[:20])
    hottest = sorted(rows, key=lambda row: -row["leadScore"])
    expected = rows[:8] if order == "newest" else hottest[:8]
    assert first >= {row["ID"] for row in expected}


async def test_an_answer_about_people_waits_for_details_that_leads_lack() -> None:
    """Promised by docs/contract.md, "Rules for every answer": `complete`.

    Leads are rebuilt after details were saved; another process may ask in between.
    """
    sandbox = Sandbox(now=NOW, size=40, sparse=True)
    async with connected(sandbox, **FAST) as client:
        await until_details_are_in(client)
        backend = await client.app.backend()
        mirror = backend.syncs._parts.mirror  # type: ignore[attr-defined]  # noqa: SLF001
        id_ = requested_single_ids(sandbox)[0]
        with mirror.database.writing() as connection:
            dirty = {"agent_id": sandbox.agent_id, "id": id_, "lead_id": ""}
            connection.execute(insert(dirty_conversations), dirty)
        assert not (await client.ask("list_leads"))["freshness"]["complete"]
        assert (await client.ask("list_conversations"))["freshness"]["complete"]
        mirror.rebuild_leads(sandbox.agent_id)
        assert (await client.ask("list_leads"))["freshness"]["complete"]
