from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from convocore_mcp.sandbox import Sandbox

if TYPE_CHECKING:
    from .conftest import Call


def ids(pages: list[list[dict[str, str]]]) -> list[str]:
    return [row["ID"] for page in pages for row in page]


def test_a_walk_by_cursor_yields_every_row_once(call: Call) -> None:
    """Ours: the truth is what a careful caller sees, no more and no less."""
    caller = call(size=2000)

    pages = list(caller.by_cursor())

    assert [row for page in pages for row in page] == list(caller.sandbox.rows())
    assert [] in pages
    assert all(len(page) <= 20 for page in pages)


def test_a_walk_by_number_yields_every_row_once(call: Call) -> None:
    """Ours: the same for page numbers, where empty conversations make pages short."""
    caller = call(size=2000, dialect="page")

    pages = list(caller.by_number(100, limit=20))

    assert [row for page in pages for row in page] == list(caller.sandbox.rows())
    assert [] in pages
    assert not any(a == b == c == [] for a, b, c in zip(pages, pages[1:], pages[2:], strict=False))
    assert 1850 < len(ids(pages)) < 1950
    assert caller.get(page=101).json()["data"] == []


def test_the_envelopes_differ_by_dialect(call: Call) -> None:
    """Promised by upstream: documented and seen."""
    page = call(size=50, dialect="page").get(limit=100).json()
    first = call(size=50).get(limit=100).json()

    assert set(page) == {"success", "message", "data"}
    assert set(first) == {*page, "hasMore", "nextCursor", "limit", "cached"}
    assert (first["limit"], first["hasMore"], first["success"]) == (20, True, True)


def test_the_last_page_has_a_null_cursor_or_none(call: Call) -> None:
    """Promised by upstream: both are seen."""
    caller = call(size=3)
    answers = [caller.get().json(), caller.get().json()]

    assert [a["hasMore"] for a in answers] == [False, False]
    assert [a.get("nextCursor", "absent") for a in answers] == [None, "absent"]


def test_limits_are_clamped(call: Call) -> None:
    """Promised by upstream: 20 in the cursor dialect; older callers used 100."""
    assert len(call(size=500, dialect="page").get(limit=1000).json()["data"]) > 90
    assert call(size=500, max_limit=7).get(limit=1000).json()["limit"] == 7


BAD: Final[tuple[dict[str, object], ...]] = (
        {"page": 0}, {"page": -1}, {"page": "1.5"}, {"page": "two"}, {"page": ""}, {"limit": 0},
        {"limit": "9" * 400}, {"order": "asc"}, {"page": ["1", "2"]},
    )  # fmt: skip


@pytest.mark.parametrize("dialect", ["page", "cursor"])
def test_bad_parameters_are_refused(call: Call, dialect: str) -> None:
    """Promised by upstream: 400 with issues."""
    caller = call(size=5, dialect=dialect)
    for query in BAD:
        answer = caller.get(**query)
        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
        assert answer.json()["issues"][0]["message"]


def test_page_two_needs_a_cursor(call: Call) -> None:
    """Promised by upstream: the cursor dialect refuses page numbers, and says why."""
    caller = call(size=50)

    assert caller.get(page=1).status_code == 200
    refused = caller.get(page=2)
    assert refused.status_code == 400
    assert "cursor" in refused.json()["message"]


def test_cursors_survive_inserts_and_deletes(call: Call) -> None:
    """Ours: a conversation there for the whole walk is seen exactly once, whatever else moves."""
    caller = call(size=400)
    sandbox = caller.sandbox
    before = [row["ID"] for row in sandbox.rows()]
    doomed = {*before[5:10], *before[33:60:3], *before[200:260]}

    def stir(number: int) -> None:
        sandbox.insert(userName=f"newcomer {number}")
        if number == 2:
            for conversation_id in doomed:
                sandbox.delete(conversation_id)

    sandbox.on_request.append(stir)
    seen = ids(list(caller.by_cursor()))

    assert len(set(seen)) == len(seen)
    assert set(before) - doomed <= set(seen)
    assert seen[1:] == [i for i in before if i in set(seen)]


def test_page_numbers_shift_when_a_conversation_arrives(call: Call) -> None:
    """Promised by upstream: nothing holds a page still; a row comes twice."""
    caller = call(size=100, dialect="page")
    caller.sandbox.on_request.append(
        lambda number: caller.sandbox.insert() if number == 2 else None
    )

    first, second = caller.by_number(2)

    assert first[-1]["ID"] == second[0]["ID"]


def test_a_tampered_cursor_is_refused(call: Call) -> None:
    """Promised by upstream: cursors are opaque; a bad one is a 400."""
    caller = call(size=100)
    cursor = caller.get().json()["nextCursor"]
    swapped = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")

    assert caller.get(cursor=cursor).status_code == 200
    for bad in (swapped, cursor + "A", cursor[1:], "", "ünïcode", "💥", "MQ=="):
        refused = caller.get(cursor=bad)
        assert refused.status_code == 400, bad
        assert "cursor" in refused.json()["message"].lower()


def test_a_million_rows_start_at_once_and_answer_far_down(call: Call) -> None:
    """Ours: rows are made when asked for, and places are found by bisection."""
    caller = call(size=1_000_000, dialect="page")
    sandbox = caller.sandbox
    deep = caller.get(page=49_000).json()["data"]

    gone, moved = deep[0]["ID"], deep[1]["ID"]
    sandbox.delete(gone)
    sandbox.touch(moved)

    assert caller.get(page=50_000).status_code == 200
    assert sandbox.row(gone) is None
    assert caller.get().json()["data"][0]["ID"] == moved
    again = ids([caller.get(page=49_000).json()["data"]])
    wanted = [row["ID"] for row in deep[2:]]
    assert [i for i in again if i in wanted] == wanted


def test_a_million_rows_answer_a_cursor_far_down(call: Call) -> None:
    """Ours: a keyset cursor needs no counting."""
    caller = call(size=1_000_000)
    kept = []
    for _ in caller.by_cursor():
        kept.append(caller.sandbox.requests[-1])
        if len(kept) == 10:
            break

    assert all(request.status == 200 for request in kept)


def test_rows_may_be_walked_while_they_change() -> None:
    """Ours: the truth can be read from any thread at any time."""
    sandbox = Sandbox(size=1500)
    seen = []
    for row in sandbox.rows():
        seen.append(row["ID"])
        if len(seen) % 100 == 0:
            sandbox.delete(row["ID"])
            sandbox.insert()

    assert len(seen) == len(set(seen))
