"""Single conversations, sparse lists and transcripts of the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from convocore_mcp.sandbox.data.generated_rows import SPARSE_FIELDS
from convocore_mcp.sandbox.data.transcripts import transcript

if TYPE_CHECKING:
    from tests.sandbox.conftest import StartSandbox


def test_a_sparse_list_shows_little_and_the_single_conversation_has_the_rest(
    start_sandbox: StartSandbox,
) -> None:
    """Promised by docs/upstream.md, "The single conversation"."""
    sparse, full = start_sandbox(size=200, sparse=True), start_sandbox(size=200)
    full.sandbox._clock = sparse.sandbox._clock  # noqa: SLF001
    by_item = 0
    for row in sparse.get(limit=20).json()["data"]:
        single = sparse.item(row["ID"])
        if single.status_code == 404:
            assert row["ID"].startswith("demo-agent_")
            continue
        by_item += 1
        assert row.keys() <= set(SPARSE_FIELDS)
        assert row.items() <= single.json()["data"].items()
        assert single.json()["data"].keys() == full.item(row["ID"]).json()["data"].keys()
        assert single.json()["data"]["state"]
    assert by_item > 10


def test_an_edited_conversation_stays_sparse_in_the_list(start_sandbox: StartSandbox) -> None:
    """Ours: an edit of the CRM is seen in the single conversation."""
    client = start_sandbox(size=40, sparse=True)
    row = next(row for row in client.sandbox.rows() if "_" not in row["ID"])
    client.sandbox.edit(row["ID"], stage="won", tags=["vip"])
    assert client.sandbox.row(row["ID"]) == row | {"tags": ["vip"]}
    assert client.item(row["ID"]).json()["data"]["stage"] == "won"
    inserted = client.sandbox.insert(userName="Ann", state="requested_chat")
    assert "userName" not in client.get(limit=1).json()["data"][0]
    assert client.item(inserted).json()["data"]["userName"] == "Ann"


def test_a_broken_record_fails_every_time_and_no_other_does(
    start_sandbox: StartSandbox,
) -> None:
    """Promised by docs/upstream.md, "The single conversation"."""
    client = start_sandbox(size=60, sparse=True)
    broken = client.sandbox.break_one_record()
    assert broken
    for _ in range(2):
        answer = client.item(broken)
        assert answer.status_code == 500
        body = {"message": "Output validation failed", "code": "INTERNAL_SERVER_ERROR"}
        assert answer.json() == body
    others = [row["ID"] for row in client.sandbox.rows() if row["ID"] != broken]
    assert {client.item(id_).status_code for id_ in others} == {200, 404}


def test_a_conversation_can_be_listed_and_not_found(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "The single conversation": a 404 proves nothing."""
    client = start_sandbox(size=20, sparse=True)
    id_ = next(row["ID"] for row in client.sandbox.rows() if "_" not in row["ID"])
    client.sandbox.without_item(id_)
    assert client.item(id_).status_code == 404
    assert client.sandbox.row(id_)


@pytest.mark.parametrize("export", [True, False])
def test_the_transcript_is_there_if_the_plan_has_it(
    start_sandbox: StartSandbox, export: bool
) -> None:
    """Promised by docs/upstream.md, "The transcript"."""
    client = start_sandbox(size=200, export=export)
    ids = [row["ID"] for row in client.sandbox.rows() if "_" not in row["ID"]]
    answers = [client.http.get(f"{client.path}/{id_}/export?format=json") for id_ in ids]
    if not export:
        assert {answer.status_code for answer in answers} == {403}
        assert "Chat Export API addon required" in answers[0].json()["message"]
        return
    turns = [turn for answer in answers for turn in answer.json()["data"]["turns"]]
    assert {turn["from"] for turn in turns} == {"user", "bot", "human"}
    kinds = {message["type"] for turn in turns for message in turn["messages"]}
    assert kinds == {"text", "choice", "visual", "cardV2", "debug:intent"}
    missing = client.http.get(f"{client.path}/nobody/export")
    assert missing.status_code == 404


def test_a_transcript_ends_with_the_last_message_and_is_the_same_each_time() -> None:
    """Ours: a transcript is a function of its conversation."""
    item = {"ID": "c1", "ts": 1_733_049_000, "messagesNum": 3, "lastMessage": "Bye", "lang": "de"}
    once = transcript(item)
    assert once == transcript(item)
    last = once["turns"][-1]["messages"][0]
    assert last["payload"]["message"] == "Bye"
    assert last["ts"] == "December 1st 2024, 10:30:00 am"
