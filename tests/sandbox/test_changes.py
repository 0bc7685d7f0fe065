from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from convocore_mcp.sandbox import Sandbox

if TYPE_CHECKING:
    from .conftest import Call

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


def seconds(ts: float) -> float:
    return ts / 1000 if ts > 10**11 else ts


def test_what_is_inserted_stands_in_front() -> None:
    """Ours: new conversations are the newest, sparse unless told otherwise."""
    sandbox = Sandbox(size=5, now=NOW)
    newest = seconds(next(sandbox.rows())["ts"])

    given = sandbox.insert(ID="mine", userName="Jane", leadScore=None)
    row = next(sandbox.rows())

    assert (given, row["ID"], row["userName"]) == ("mine", "mine", "Jane")
    assert row["ts"] == row["lastMessageTS"] >= newest
    assert "leadScore" not in row
    assert sandbox.insert() != sandbox.insert()
    with pytest.raises(ValueError, match="mine"):
        sandbox.insert(ID="mine")


def test_a_touched_conversation_moves_to_the_front() -> None:
    """Promised by upstream: `ts` moves when a conversation gets a new message."""
    sandbox = Sandbox(size=50, now=NOW)
    rows = list(sandbox.rows())
    old = rows[20]

    sandbox.touch(old["ID"], lastMessage="hello again")
    after = list(sandbox.rows())

    assert after[0]["ID"] == old["ID"]
    assert after[0]["ts"] >= seconds(rows[0]["ts"])
    assert int(after[0]["messagesNum"]) == int(old["messagesNum"]) + 1
    assert after[0]["lastMessage"] == "hello again"
    assert after[1:] == [row for row in rows if row["ID"] != old["ID"]]


def test_an_edit_moves_nothing() -> None:
    """Promised by upstream: a change in the CRM need not move `ts`."""
    sandbox = Sandbox(size=50, now=NOW)
    rows = list(sandbox.rows())

    sandbox.edit(rows[7]["ID"], stage="won", tags=None)
    after = list(sandbox.rows())
    expected = {k: v for k, v in rows[7].items() if k != "tags"} | {"stage": "won"}

    assert after[7] == expected == sandbox.row(rows[7]["ID"])
    assert after[:7] + after[8:] == rows[:7] + rows[8:]


def test_the_deleted_are_gone_and_may_come_back(call: Call) -> None:
    """Promised by upstream: a deleted conversation is neither listed nor found."""
    caller = call(size=50)
    sandbox = caller.sandbox
    doomed = next(r["ID"] for r in sandbox.rows() if r["ID"].startswith("conv-"))

    sandbox.delete(doomed)
    assert sandbox.row(doomed) is None
    assert doomed not in {row["ID"] for row in sandbox.rows()}
    assert caller.item(doomed).status_code == 404
    for change in (sandbox.delete, sandbox.touch, sandbox.edit):
        with pytest.raises(KeyError):
            change(doomed)

    sandbox.insert(ID=doomed)
    assert next(sandbox.rows())["ID"] == doomed
    sandbox.delete(doomed)
    assert sandbox.row(doomed) is None


def test_given_rows_are_given_out_as_they_are(call: Call) -> None:
    """Ours: a test may hand in anything, and change it afterwards."""
    caller = call(size=50)
    rows = ["a string", {"no": "ID"}, None, {"ID": "a", "ts": 5}, {"ID": "b", "ts": "x"}, 7]

    caller.sandbox.replace(rows)
    assert caller.get().json()["data"] == rows
    caller.sandbox.edit("a", stage="new")
    caller.sandbox.touch("b")
    data = caller.get().json()["data"]

    assert data[0]["ID"] == "b"
    assert data[1:] == [*rows[:3], {"ID": "a", "ts": 5, "stage": "new"}, 7]
    assert rows[3] == {"ID": "a", "ts": 5}
    assert caller.item("a").json()["data"]["stage"] == "new"


def test_changes_from_many_threads_are_all_there() -> None:
    """Ours: every changing method holds the lock."""
    sandbox = Sandbox(size=0, now=NOW)
    threads = [
        threading.Thread(target=lambda: [sandbox.insert() for _ in range(100)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({row["ID"] for row in sandbox.rows()}) == 800


def test_the_item_is_richer_than_the_row(call: Call) -> None:
    """Promised by upstream: what the list leaves out, the single conversation has."""
    caller = call(size=60, now=NOW)
    sandbox = caller.sandbox
    richer = 0
    for row in list(sandbox.rows()):
        answer = caller.item(row["ID"])
        if row["ID"].startswith("demo-agent_"):
            assert answer.status_code == 404
            assert answer.json() == {"message": "Conversation not found", "code": "NOT_FOUND"}
            continue
        item = answer.json()["data"]
        assert row.items() <= item.items() or all(item[k] == v for k, v in row.items())
        assert {"tokenUsage", "nodesInfo"} <= item.keys()
        richer += len(item) > len(row)

    assert richer > 10


def test_the_item_follows_changes(call: Call) -> None:
    """Ours: list and item tell one story."""
    caller = call(size=60, now=NOW)
    sandbox = caller.sandbox
    known = next(r["ID"] for r in sandbox.rows() if r["ID"].startswith("conv-"))
    sandbox.edit(known, stage="won")
    added = sandbox.insert(userName="Zoë")
    listed_only = sandbox.insert(ID="demo-agent_abc")

    assert caller.item(known).json()["data"]["stage"] == "won"
    assert caller.item(added).json()["data"] == sandbox.row(added)
    assert caller.item(listed_only).status_code == 404
    assert caller.item("nobody").status_code == 404
    assert caller.http.get("/agents/demo-agent").status_code == 404


def test_an_id_is_decoded_from_its_path_segment(call: Call) -> None:
    """Ours: IDs are percent-encoded into paths, slashes and all."""
    caller = call(size=0)
    caller.sandbox.insert(ID="a/b ?#ü")

    assert caller.item("a%2Fb%20%3F%23%C3%BC").json()["data"]["ID"] == "a/b ?#ü"


def test_requests_are_remembered(call: Call) -> None:
    """Ours: a test can look at what was asked, and with which headers."""
    caller = call(size=30)
    caller.get(limit=3)
    caller.item("nobody")
    listed, single = caller.sandbox.requests

    assert (listed.method, listed.query, listed.status) == ("GET", {"limit": "3"}, 200)
    assert listed.headers["authorization"] == "Bearer sandbox-key"
    assert (single.path, single.status) == ("/v3/agents/demo-agent/convos/nobody", 404)
