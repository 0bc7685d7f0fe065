"""Telling the dialects apart, and cursors or page numbers that expire, repeat or are refused."""

from typing import Any

import pytest

from convocore_mcp.errors import ContractError
from convocore_mcp.sandbox import Sandbox

from .api_client import all_pages_of_client, api_client, ids_in, listed_ids, requests_to
from .odd_list import REFUSED, OddList, Reply, page_of, rows_named


async def test_a_400_that_mentions_a_cursor_switches_to_the_cursor_dialect() -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    If page 2 is refused, reading starts again by cursor.
    """
    sandbox = Sandbox(size=90)

    def without_cursor(envelope: dict[str, Any], number: int) -> None:
        if number <= 2:
            del envelope["hasMore"]
            envelope.pop("nextCursor", None)

    sandbox.alter_page(without_cursor)
    async with api_client(sandbox) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)
    assert [status for _, status in requests_to(sandbox)].count(400) >= 1
    assert "cursor" in requests_to(sandbox)[-1][0]


async def test_a_workspace_may_change_its_dialect() -> None:
    """Ours: what is remembered of a dialect may be outdated."""
    sandbox = Sandbox(size=90, dialect="page")
    async with api_client(sandbox) as client:
        assert set(await listed_ids(client, sandbox)) == set(ids_in(sandbox))
        sandbox.dialect, sandbox.max_limit = "cursor", 20
        assert await listed_ids(client, sandbox) == ids_in(sandbox)
        sandbox.dialect, sandbox.max_limit = "page", 100
        assert await listed_ids(client, sandbox) == ids_in(sandbox)


async def test_a_short_list_without_cursors_may_grow_into_one_with_cursors() -> None:
    """Promised by docs/upstream.md, "The list endpoint": a cursor says where the list goes on.

    A short list shows no cursor, so it looks like one with page numbers, which are then refused.
    """
    shown = 1
    rows = rows_named(range(43))

    def reply(query: dict[str, str]) -> Reply:
        if query.get("page", "1") != "1":
            return REFUSED
        offset = int(query.get("cursor", "0"))
        page = rows[:shown][offset : offset + 5]
        if offset + len(page) < shown:
            return page_of(page, hasMore=True, nextCursor=str(offset + len(page)))
        return page_of(page)

    upstream = OddList(reply)
    async with api_client(upstream) as client:
        assert await listed_ids(client, upstream) == ["c0"]
        shown = len(rows)
        assert set(await listed_ids(client, upstream)) == {row["ID"] for row in rows}


async def test_a_workspace_with_neither_page_numbers_nor_cursors_is_an_error() -> None:
    """Ours: better an error than a list that ends after one page."""
    sandbox = Sandbox(size=90)
    sandbox.alter_page(lambda envelope, _: {k: envelope[k] for k in ("success", "message", "data")})
    async with api_client(sandbox) as client:
        with pytest.raises(ContractError, match="sends no cursor"):
            await all_pages_of_client(client, sandbox)


async def test_an_expired_cursor_starts_the_list_again() -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    An expired cursor does not stop the reading.
    """
    sandbox = Sandbox(size=130)
    sandbox.on_request.append(lambda number: sandbox.expire_cursors() if number == 4 else None)
    async with api_client(sandbox) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)
    assert [query for query, _ in requests_to(sandbox)].count({"limit": "20"}) == 2


async def test_cursors_that_always_expire_end_a_list_that_is_not_certain() -> None:
    """Ours: reading starts again once, and the same refusal after the same page leaves a gap."""
    sandbox = Sandbox(size=130)
    sandbox.on_request.append(lambda _: sandbox.expire_cursors())
    async with api_client(sandbox) as client:
        pages = await all_pages_of_client(client, sandbox)
    assert {row.id for page in pages for row in page.rows} == set(ids_in(sandbox)[:20])
    assert not pages[-1].certain
    assert [query for query, _ in requests_to(sandbox)].count({"limit": "20"}) == 2


async def test_a_repeated_cursor_at_full_pages_ends_the_list_and_leaves_a_gap() -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    Several pages that bring nothing new are the end, and no loop.
    """
    sandbox = Sandbox(size=200)
    cursors: list[str] = []

    def repeat(envelope: dict[str, Any], _: int) -> None:
        cursors.append(envelope["nextCursor"])
        envelope["nextCursor"] = cursors[min(len(cursors) - 1, 1)]

    sandbox.alter_page(repeat)
    async with api_client(sandbox) as client:
        pages = await all_pages_of_client(client, sandbox)
    assert {row.id for page in pages for row in page.rows} == set(ids_in(sandbox)[:60])
    assert not pages[-1].certain
    assert len(sandbox.requests) < 10


@pytest.mark.parametrize("changing", [False, True])
async def test_an_ignored_page_number_ends_the_list_and_leaves_a_gap(changing: bool) -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    Several pages that bring nothing new are the end, also while rows arrive.
    """
    sandbox = Sandbox(size=300, dialect="page")
    front = list(sandbox.rows())[:100]

    def always_the_front(envelope: dict[str, Any], number: int) -> None:
        new = [{"ID": f"new{number - n}"} for n in range(number)] if changing else []
        envelope["data"] = [*new, *front][:100]

    sandbox.alter_page(always_the_front)
    async with api_client(sandbox) as client:
        pages = await all_pages_of_client(client, sandbox)
    assert {row.id for page in pages for row in page.rows} >= {row["ID"] for row in front[:99]}
    assert not all(page.certain for page in pages)
    assert len(sandbox.requests) < 30


async def test_has_more_without_a_cursor_where_page_numbers_are_refused_is_an_error() -> None:
    """Ours: `hasMore` without a cursor must not look like the end of the list."""
    sandbox = Sandbox(size=60)
    sandbox.alter_page(lambda envelope, _: envelope | {"nextCursor": None, "hasMore": True})
    async with api_client(sandbox) as client:
        with pytest.raises(ContractError, match="sends no cursor"):
            await all_pages_of_client(client, sandbox)


async def test_a_page_that_lost_its_cursor_fields_is_asked_for_again() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": no run ends early."""
    sandbox = Sandbox(size=130)

    def drop_cursor_fields(envelope: dict[str, Any], number: int) -> None:
        if number == 3:
            del envelope["hasMore"], envelope["nextCursor"]

    sandbox.alter_page(drop_cursor_fields)
    async with api_client(sandbox) as client:
        assert await listed_ids(client, sandbox) == ids_in(sandbox)


async def test_a_full_page_that_has_no_cursor_fields_twice_is_not_certain() -> None:
    """Promised by docs/architecture.md, "Reading Convocore".

    A page is marked if rows may be missing before or after it.
    """
    sandbox = Sandbox(size=130)

    def drop_cursor_fields(envelope: dict[str, Any], number: int) -> None:
        if number >= 3:
            del envelope["hasMore"], envelope["nextCursor"]

    sandbox.alter_page(drop_cursor_fields)
    async with api_client(sandbox) as client:
        pages = await all_pages_of_client(client, sandbox)
    assert [page.certain for page in pages] == [True, True, False]
