"""Pages that are not what was asked for hide no row behind them."""

import pytest

from .odd_list import OddList, page_of, rows_named
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
