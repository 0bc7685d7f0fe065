"""Changes to the sandbox's data."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from convocore_mcp.sandbox import Sandbox

if TYPE_CHECKING:
    from .conftest import StartSandbox

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


def seconds(ts: float) -> float:
    return ts / 1000 if ts > 10**11 else ts


def test_an_inserted_conversation_is_first() -> None:
    """Ours: new conversations are the newest, and sparse unless fields are given."""
    sandbox = Sandbox(size=5, now=NOW)
    newest = seconds(next(sandbox.rows())["ts"])

    new_id = sandbox.insert(ID="mine", userName="Jane", leadScore=None)
    row = next(sandbox.rows())

    assert (new_id, row["ID"], row["userName"]) == ("mine", "mine", "Jane")
    assert row["ts"] == row["lastMessageTS"] >= newest
    assert "leadScore" not in row
    assert sandbox.insert() != sandbox.insert()
    with pytest.raises(ValueError, match="mine"):
        sandbox.insert(ID="mine")


def test_a_touched_conversation_moves_to_the_front() -> None:
    """Promised by docs/upstream.md, "The list endpoint". `ts` moves with a new message."""
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


def test_an_edit_does_not_move_a_conversation() -> None:
    """Promised by docs/upstream.md, "The list endpoint". A CRM change need not move `ts`."""
    sandbox = Sandbox(size=50, now=NOW)
    rows = list(sandbox.rows())

    sandbox.edit(rows[7]["ID"], stage="won", tags=None)
    after = list(sandbox.rows())
    expected = {k: v for k, v in rows[7].items() if k != "tags"} | {"stage": "won"}

    assert after[7] == expected == sandbox.row(rows[7]["ID"])
    assert after[:7] + after[8:] == rows[:7] + rows[8:]


def test_a_deleted_conversation_is_gone_and_may_come_back(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "The single conversation". It is neither listed nor found."""
    client = start_sandbox(size=50)
    sandbox = client.sandbox
    deleted = next(r["ID"] for r in sandbox.rows() if r["ID"].startswith("conv-"))

    sandbox.delete(deleted)
    assert sandbox.row(deleted) is None
    assert deleted not in {row["ID"] for row in sandbox.rows()}
    assert client.item(deleted).status_code == 404
    for change in (sandbox.delete, sandbox.touch, sandbox.edit):
        with pytest.raises(KeyError):
            change(deleted)

    sandbox.insert(ID=deleted)
    assert next(sandbox.rows())["ID"] == deleted
    sandbox.delete(deleted)
    assert sandbox.row(deleted) is None


def test_replaced_rows_are_served_unchanged(start_sandbox: StartSandbox) -> None:
    """Ours: a test may give any rows, valid or not, and change them afterwards."""
    client = start_sandbox(size=50)
    rows = ["a string", {"no": "ID"}, None, {"ID": "a", "ts": 5}, {"ID": "b", "ts": "x"}, 7]

    client.sandbox.replace(rows)
    assert client.get().json()["data"] == rows
    client.sandbox.edit("a", stage="new")
    client.sandbox.touch("b")
    data = client.get().json()["data"]

    assert data[0]["ID"] == "b"
    assert data[1:] == [*rows[:3], {"ID": "a", "ts": 5, "stage": "new"}, 7]
    assert rows[3] == {"ID": "a", "ts": 5}
    assert client.item("a").json()["data"]["stage"] == "new"


def test_changes_from_many_threads_are_all_kept() -> None:
    """Ours: every method that changes data holds the lock."""
    sandbox = Sandbox(size=0, now=NOW)
    threads = [
        threading.Thread(target=lambda: [sandbox.insert() for _ in range(100)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({row["ID"] for row in sandbox.rows()}) == 800


def test_the_single_conversation_has_more_fields_than_its_row(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "The single conversation". The list has fewer fields."""
    client = start_sandbox(size=60, now=NOW)
    sandbox = client.sandbox
    richer = 0
    for row in list(sandbox.rows()):
        answer = client.item(row["ID"])
        if row["ID"].startswith("demo-agent_"):
            assert answer.status_code == 404
            assert answer.json() == {"message": "Conversation not found", "code": "NOT_FOUND"}
            continue
        item = answer.json()["data"]
        assert row.items() <= item.items() or all(item[k] == v for k, v in row.items())
        assert {"tokenUsage", "nodesInfo"} <= item.keys()
        richer += len(item) > len(row)

    assert richer > 10


def test_the_single_conversation_follows_changes(start_sandbox: StartSandbox) -> None:
    """Ours: the list and the single conversation agree."""
    client = start_sandbox(size=60, now=NOW)
    sandbox = client.sandbox
    changed = next(r["ID"] for r in sandbox.rows() if r["ID"].startswith("conv-"))
    sandbox.edit(changed, stage="won")
    added = sandbox.insert(userName="Zoë")
    listed_only = sandbox.insert(ID="demo-agent_abc")

    assert client.item(changed).json()["data"]["stage"] == "won"
    assert client.item(added).json()["data"] == sandbox.row(added)
    assert client.item(listed_only).status_code == 404
    assert client.item("nobody").status_code == 404
    assert client.http.get("/agents/demo-agent").status_code == 404


def test_an_id_is_decoded_from_its_path_segment(start_sandbox: StartSandbox) -> None:
    """Ours: a client percent-encodes an ID in a path, its slashes too."""
    client = start_sandbox(size=0)
    client.sandbox.insert(ID="a/b ?#ü")

    assert client.item("a%2Fb%20%3F%23%C3%BC").json()["data"]["ID"] == "a/b ?#ü"


def test_requests_are_recorded(start_sandbox: StartSandbox) -> None:
    """Ours: a test can inspect the requests and their headers."""
    client = start_sandbox(size=30)
    client.get(limit=3)
    client.item("nobody")
    listed, single = client.sandbox.requests

    assert (listed.method, listed.query, listed.status) == ("GET", {"limit": "3"}, 200)
    assert listed.headers["authorization"] == "Bearer sandbox-key"
    assert (single.path, single.status) == ("/v3/agents/demo-agent/convos/nobody", 404)
