"""Following the changes of a list, and what should have been reported."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from convocore_mcp.api.wire import parse_list_response
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.store.database.schema import CURRENT, conversations
from convocore_mcp.store.database.schema import records as records_table
from convocore_mcp.store.read.mirror_reader import MirrorReader
from tests.api.api_client import utc_now
from tests.tool_client import ToolClient

Row = dict[str, Any]
Action = tuple[str, float, int]
"""A kind of change, the position in the list (0 to 1), and a number that varies its values."""


@dataclass
class UpstreamList:
    """A list upstream, and the changes made to it."""

    sandbox: Sandbox
    moved: list[str] = field(default_factory=list)
    """Ids of conversations that came to the front, in their order there."""

    def rows(self) -> dict[str, Row]:
        return {row["ID"]: row for row in self.sandbox.rows()}

    def act(self, actions: Sequence[Action]) -> None:
        ids = [*self.rows()]  # the list is generated anew whenever it is read
        for kind, position, number in actions:
            if kind == "insert" or not ids:
                id_ = self.sandbox.insert(userName=f"Visitor {number}", stage="new")
                self._to_front(id_, ids)
                continue
            id_ = ids[int(position * len(ids))]
            if kind == "touch":
                self.sandbox.touch(id_, lastMessage=f"message {number}")
                self._to_front(id_, ids)
            elif kind == "edit":
                self.sandbox.edit(id_, **EDITS[number % len(EDITS)])
            else:
                self.sandbox.delete(id_)
                ids.remove(id_)
                self.moved = [other for other in self.moved if other != id_]
        assert ids == [*self.rows()]

    def _to_front(self, id_: str, ids: list[str]) -> None:
        ids[:] = [id_, *(other for other in ids if other != id_)]
        self.moved = [other for other in self.moved if other != id_] + [id_]


EDITS: list[dict[str, Any]] = [
    {"stage": "won", "notes": "signed"},
    {"stage": None},
    {"userName": "Somebody Else", "userEmail": "else@example.com"},
    {"leadScore": 91},
    {"somethingNew": {"of": ["theirs"]}},
    {"tags": ["vip", "renewal"]},
]


def net_changes(before: dict[str, Row], after: dict[str, Row]) -> dict[str, str]:
    """The net change of each conversation, by its ID."""
    both = before.keys() & after.keys()
    return (
        dict.fromkeys(after.keys() - before.keys(), "created")
        | {id_: "updated" for id_ in both if before[id_] != after[id_]}
        | dict.fromkeys(before.keys() - after.keys(), "removed")
    )


async def sync_everything(tool_client: ToolClient, agent: str) -> None:
    """Run one incremental and one full sync."""
    backend = await tool_client.app.backend()
    await backend.syncs.sync(agent, full=False)
    await backend.syncs.sync(agent, full=True)


async def following(tool_client: ToolClient, cursor: str, limit: int) -> tuple[list[Row], str]:
    """All changes behind a cursor, page by page, and the cursor to continue from."""
    reported: list[Row] = []
    while True:
        page = await tool_client.ask("list_changes", cursor=cursor, limit=limit)
        assert len(page["changes"]) <= limit
        reported += page["changes"]
        if not page["has_more"]:
            return reported, page["next_cursor"]
        assert page["next_cursor"] != cursor
        cursor = page["next_cursor"]


async def records(tool_client: ToolClient, agent: str) -> dict[str, str]:
    """The record of every conversation that the mirror holds."""
    c = conversations.c
    query = select(c.id, records_table.c.record).join(
        records_table, records_table.c.valid_from == c.valid_from
    )
    query = query.where(c.agent_id == agent, c.valid_to == CURRENT)
    backend = await tool_client.app.backend()
    assert isinstance(backend.mirror_reader, MirrorReader)
    with backend.mirror_reader._database.reading() as connection:  # noqa: SLF001
        found = list(connection.execute(query))
    assert len(found) == len(dict(found))
    return {row.id: row.record for row in found}


def upstream_records(sandbox: Sandbox) -> dict[str, str]:
    """The record of every conversation upstream, as if the list were one page."""
    rows = list(sandbox.rows())
    body = json.dumps({"success": True, "message": "", "data": rows}).encode()
    page = parse_list_response(body, sandbox.agent_id, utc_now()).page
    assert not page.quarantined
    return {row.id: row.record for row in page.rows}


def check_reported(
    reported: list[Row], before: dict[str, Row], upstream: UpstreamList, *, one_page: int
) -> None:
    """Check that these are exactly the changes since `before`, each once, in order.

    `one_page` is the number of rows on the first page: within it, the order of events is known.
    """
    after = upstream.rows()
    assert {change["id"]: change["kind"] for change in reported} == net_changes(before, after)
    assert len({change["id"] for change in reported}) == len(reported)
    times = [change["seen"] for change in reported]
    assert times == sorted(times)
    assert all(change["at"] <= change["seen"] for change in reported)
    assert len({change["event_id"] for change in reported}) == len(reported)
    front = set(list(after)[:one_page])
    if front >= set(upstream.moved):
        assert [
            change["id"] for change in reported if change["id"] in upstream.moved
        ] == upstream.moved
    for change in reported:
        old, new = before.get(change["id"], {}), after.get(change["id"], {})
        assert bool(change.get("changed")) is (change["kind"] == "updated")
        if change["kind"] == "updated" and old.get("stage") != new.get("stage"):
            pair = [old.get("stage", "none"), new.get("stage", "none")]
            assert change["changed"]["stage"] == pair
