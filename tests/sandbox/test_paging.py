"""Paging in both dialects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from convocore_mcp.sandbox import Sandbox

if TYPE_CHECKING:
    from .conftest import StartSandbox


def ids(pages: list[list[dict[str, str]]]) -> list[str]:
    return [row["ID"] for page in pages for row in page]


def test_reading_by_cursor_yields_every_row_once(start_sandbox: StartSandbox) -> None:
    """Ours: `rows()` is exactly what a correct client reads."""
    client = start_sandbox(size=2000)

    pages = list(client.by_cursor())

    assert [row for page in pages for row in page] == list(client.sandbox.rows())
    assert [] in pages
    assert all(len(page) <= 20 for page in pages)


def test_reading_by_page_number_yields_every_row_once(start_sandbox: StartSandbox) -> None:
    """Ours: the same for page numbers, where empty conversations make pages short."""
    client = start_sandbox(size=2000, dialect="page")

    pages = list(client.by_number(100, limit=20))

    assert [row for page in pages for row in page] == list(client.sandbox.rows())
    assert [] in pages
    assert not any(a == b == c == [] for a, b, c in zip(pages, pages[1:], pages[2:], strict=False))
    assert 1850 < len(ids(pages)) < 1950
    assert client.get(page=101).json()["data"] == []


def test_the_dialects_have_different_page_bodies(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "The list endpoint"."""
    page = start_sandbox(size=50, dialect="page").get(limit=100).json()
    first = start_sandbox(size=50).get(limit=100).json()

    assert set(page) == {"success", "message", "data"}
    assert set(first) == {*page, "hasMore", "nextCursor", "limit", "cached"}
    assert (first["limit"], first["hasMore"], first["success"]) == (20, True, True)


def test_the_last_page_has_a_null_cursor_or_no_cursor(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "The list endpoint". Both are seen."""
    client = start_sandbox(size=3)
    answers = [client.get().json(), client.get().json()]

    assert [a["hasMore"] for a in answers] == [False, False]
    assert [a.get("nextCursor", "absent") for a in answers] == [None, "absent"]


def test_limits_are_clamped(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "Limits". 20 rows by cursor, 100 by page number."""
    assert len(start_sandbox(size=500, dialect="page").get(limit=1000).json()["data"]) > 90
    assert start_sandbox(size=500, max_limit=7).get(limit=1000).json()["limit"] == 7


BAD_QUERIES: Final[tuple[dict[str, object], ...]] = (
        {"page": 0}, {"page": -1}, {"page": "1.5"}, {"page": "two"}, {"page": ""}, {"limit": 0},
        {"limit": "9" * 400}, {"order": "asc"}, {"page": ["1", "2"]},
    )  # fmt: skip


@pytest.mark.parametrize("dialect", ["page", "cursor"])
def test_bad_parameters_are_refused(start_sandbox: StartSandbox, dialect: str) -> None:
    """Promised by docs/upstream.md, "Errors". 400 with issues."""
    client = start_sandbox(size=5, dialect=dialect)
    for query in BAD_QUERIES:
        answer = client.get(**query)
        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
        assert answer.json()["issues"][0]["message"]


def test_the_second_page_needs_a_cursor(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "The list endpoint". Page numbers are refused."""
    client = start_sandbox(size=50)

    assert client.get(page=1).status_code == 200
    response = client.get(page=2)
    assert response.status_code == 400
    assert "cursor" in response.json()["message"]


def test_cursors_survive_inserts_and_deletes(start_sandbox: StartSandbox) -> None:
    """Ours: a conversation that stays is read exactly once, whatever else moves."""
    client = start_sandbox(size=400)
    sandbox = client.sandbox
    before = [row["ID"] for row in sandbox.rows()]
    deleted = {*before[5:10], *before[33:60:3], *before[200:260]}

    def change_list(number: int) -> None:
        sandbox.insert(userName=f"newcomer {number}")
        if number == 2:
            for conversation_id in deleted:
                sandbox.delete(conversation_id)

    sandbox.on_request.append(change_list)
    seen = ids(list(client.by_cursor()))

    assert len(set(seen)) == len(seen)
    assert set(before) - deleted <= set(seen)
    assert seen[1:] == [i for i in before if i in set(seen)]


def test_page_numbers_shift_when_a_conversation_arrives(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "The list endpoint". A row can come twice."""
    client = start_sandbox(size=100, dialect="page")
    client.sandbox.on_request.append(
        lambda number: client.sandbox.insert() if number == 2 else None
    )

    first, second = client.by_number(2)

    assert first[-1]["ID"] == second[0]["ID"]


def test_a_tampered_cursor_is_refused(start_sandbox: StartSandbox) -> None:
    """Promised by docs/upstream.md, "The list endpoint". Cursors are opaque; a bad one is a 400."""
    client = start_sandbox(size=100)
    cursor = client.get().json()["nextCursor"]
    swapped = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")

    assert client.get(cursor=cursor).status_code == 200
    for bad in (swapped, cursor + "A", cursor[1:], "", "ünïcode", "💥", "MQ=="):
        response = client.get(cursor=bad)
        assert response.status_code == 400, bad
        assert "cursor" in response.json()["message"].lower()


def test_a_million_rows_start_at_once_and_a_late_page_is_served(
    start_sandbox: StartSandbox,
) -> None:
    """Ours: rows are made on request, and positions are found by bisection."""
    client = start_sandbox(size=1_000_000, dialect="page")
    sandbox = client.sandbox
    deep = client.get(page=49_000).json()["data"]

    deleted, moved = deep[0]["ID"], deep[1]["ID"]
    sandbox.delete(deleted)
    sandbox.touch(moved)

    assert client.get(page=50_000).status_code == 200
    assert sandbox.row(deleted) is None
    assert client.get().json()["data"][0]["ID"] == moved
    again = ids([client.get(page=49_000).json()["data"]])
    expected = [row["ID"] for row in deep[2:]]
    assert [i for i in again if i in expected] == expected


def test_a_million_rows_are_served_by_cursor(start_sandbox: StartSandbox) -> None:
    """Ours: a cursor names a position, so the server does not count rows."""
    client = start_sandbox(size=1_000_000)
    kept = []
    for _ in client.by_cursor():
        kept.append(client.sandbox.requests[-1])
        if len(kept) == 10:
            break

    assert all(request.status == 200 for request in kept)


def test_rows_can_be_read_while_they_change() -> None:
    """Ours: any thread can read `rows()` at any time."""
    sandbox = Sandbox(size=1500)
    seen = []
    for row in sandbox.rows():
        seen.append(row["ID"])
        if len(seen) % 100 == 0:
            sandbox.delete(row["ID"])
            sandbox.insert()

    assert len(seen) == len(set(seen))
