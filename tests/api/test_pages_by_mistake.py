"""Pages that are not what was asked for, or that rows move between, hide no row behind them."""

import pytest

from .api_client import api_client
from .odd_list import OddList, Reply, page_of, rows_named
from .test_list_ends import held, is_certain, pages_until_the_end


@pytest.mark.parametrize("number", [4, 7], ids=["in the middle", "the last"])
@pytest.mark.parametrize("mistake", ["the page before", "empty"])
async def test_a_page_that_brings_nothing_by_mistake_is_asked_for_again(
    mistake: str, number: int
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": its cursor leads past its rows."""
    rows = rows_named(range(130))

    def reply(query: dict[str, str]) -> tuple[int, object]:
        offset = int(query.get("cursor", "0"))
        page = rows[offset : offset + 20]
        if len(odd_list.queries) == number:
            page = rows[offset - 20 : offset] if mistake == "the page before" else []
        more = offset + 20 < len(rows)
        return page_of(page, hasMore=more, nextCursor=str(offset + 20) if more else None)

    odd_list = OddList(reply)
    pages = await pages_until_the_end(odd_list)
    assert held(pages) == {row["ID"] for row in rows}
    assert is_certain(pages)
    assert len(odd_list.queries) == 7 + 1


@pytest.mark.parametrize("answered_before", [2, 3, 5])
@pytest.mark.parametrize(("limit", "later"), [(100, 20), (20, 5), (50, 7)])
async def test_a_limit_that_is_lowered_midway_hides_nothing(
    limit: int, later: int, answered_before: int
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": nothing is missed in silence."""
    rows = rows_named(range(450))

    def reply(query: dict[str, str]) -> tuple[int, object]:
        most = limit if len(odd_list.queries) <= answered_before else later
        size = min(int(query["limit"]), most)
        number = int(query.get("page", "1"))
        return page_of(rows[(number - 1) * size : number * size])

    odd_list = OddList(reply)
    pages = await pages_until_the_end(odd_list)
    assert held(pages) == {row["ID"] for row in rows}
    assert is_certain(pages)


async def test_cursors_that_are_positions_lose_no_row_once_they_are_known() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": no row is missed while it moves."""
    rows = rows_named(range(200))
    changes: list[str] = []

    def reply(query: dict[str, str]) -> Reply:
        change = changes.pop(0) if "cursor" in query and changes else ""
        if change == "arrive":
            rows.insert(0, {"ID": f"new{len(rows)}", "ts": 1_780_000_001})
        elif change == "delete":
            rows.pop(5)
        offset = int(query.get("cursor", "0"))
        end = offset + 20
        more = end < len(rows)
        return page_of(rows[offset:end], hasMore=more, nextCursor=str(end) if more else None)

    odd_list = OddList(reply)
    async with api_client(odd_list) as client:
        changes += ["", "arrive"]
        first = [page async for page in client.conversations(odd_list.agent_id)]
        assert not is_certain(first)  # some rows may have been lost before
        changes += ["delete"] * 6
        second = [page async for page in client.conversations(odd_list.agent_id)]
        assert is_certain(second)
        assert {row["ID"] for row in rows} <= held(second)
