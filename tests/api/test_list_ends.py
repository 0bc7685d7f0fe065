"""A list ends in many ways: every conversation it showed is held, and reading comes to an end."""

from contextlib import aclosing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convocore_mcp.errors import ApiError, NotFoundError
from convocore_mcp.models import Page
from convocore_mcp.sandbox import Sandbox
from tests.property_tests import examples
from tests.tool_client import connected

from .api_client import api_client, wait_until_idle
from .odd_list import (
    CURSOR_ENDS,
    CURSOR_REFUSED,
    END_OF_LIST,
    LIMITS,
    NUMBERED_ENDS,
    REFUSED,
    OddList,
    Reply,
    cursor_list,
    numbered_list,
    page_of,
    rows_named,
)

SIZES = st.sampled_from([1, 7, 10, 19, 20, 25, 50])
MANY_WAYS = settings(
    max_examples=examples(20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


async def pages_until_the_end(odd_list: OddList) -> list[Page]:
    """Every page that is handed out, also before an error."""
    pages = []
    async with api_client(odd_list) as client:
        try:
            async with aclosing(client.conversations(odd_list.agent_id)) as paging:
                async for page in paging:
                    pages.append(page)  # noqa: PERF401  an error must not lose the pages
        except ApiError:
            pages.append(Page((), certain=False))
    return pages


def held(pages: list[Page]) -> set[str]:
    return {row.id for page in pages for row in page.rows}


def is_certain(pages: list[Page]) -> bool:
    return all(page.certain for page in pages)


@pytest.mark.parametrize("end", CURSOR_ENDS)
async def test_a_list_of_130_is_complete_however_its_cursors_end(end: str) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": the ways in which a list ends."""
    rows = rows_named(range(130))
    odd_list = cursor_list(rows, 20, end)
    pages = await pages_until_the_end(odd_list)

    assert held(pages) == {row["ID"] for row in rows}
    assert is_certain(pages)
    assert len(odd_list.queries) <= 7 + 55


@pytest.mark.parametrize("cursor", [5, "the-same"])
async def test_a_short_first_page_whose_cursor_leads_to_itself_is_not_called_all(
    cursor: object,
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": the ways in which a list ends.

    Page numbers would lead on; nothing but the limit that was asked for says that pages have 20
    rows.
    """
    sandbox = Sandbox(size=30, dialect="page", max_limit=10)
    sandbox.alter_page(lambda found, _: found | {"nextCursor": cursor})
    async with api_client(sandbox) as client:
        pages = [page async for page in client.conversations(sandbox.agent_id)]

    assert len(held(pages)) == 10
    assert not is_certain(pages)


@pytest.mark.parametrize("end", ["no cursor", "false as text", "cursor without more"])
async def test_an_end_that_is_announced_is_certain_although_the_last_page_is_full(end: str) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": the ways in which a list ends."""
    rows = rows_named(range(60))
    pages = await pages_until_the_end(cursor_list(rows, 20, end))

    assert held(pages) == {row["ID"] for row in rows}
    assert is_certain(pages)


@pytest.mark.parametrize(
    ("end", "requests"), [("cursor without more", 7 + 1), ("last page for ever", 7 + 3 + 1)]
)
async def test_no_page_is_requested_ahead_where_the_list_may_have_ended(
    end: str, requests: int
) -> None:
    """Ours: a request behind the end is in vain, so a page that may be the last is parsed first.

    The first page that brings nothing new is asked for twice.
    """
    odd_list = cursor_list(rows_named(range(130)), 20, end)
    await pages_until_the_end(odd_list)
    await wait_until_idle(odd_list)

    assert len(odd_list.queries) == requests


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("end", NUMBERED_ENDS)
@pytest.mark.parametrize("size", [10, 20, 50])
async def test_a_list_of_135_is_complete_however_its_page_numbers_end(
    end: str, limits: str, size: int
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": the ways in which a list ends."""
    rows = rows_named(range(135))
    odd_list = numbered_list(rows, size, end, limits, more="absent")
    pages = await pages_until_the_end(odd_list)

    assert held(pages) == {row["ID"] for row in rows}
    assert is_certain(pages)
    assert len(odd_list.queries) <= 3 * 135 // 10 + 60


@MANY_WAYS
@given(st.integers(0, 140), SIZES, st.sampled_from(CURSOR_ENDS))
async def test_all_that_cursors_lead_to_is_held(count: int, size: int, end: str) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": no run is without an end."""
    rows = rows_named(range(count))
    odd_list = cursor_list(rows, size, end)
    pages = await pages_until_the_end(odd_list)

    assert held(pages) == {row["ID"] for row in rows}
    assert len(odd_list.queries) <= 4 * (count // size + 1) + 60


async def test_a_short_list_whose_limit_is_ignored_takes_few_requests() -> None:
    """Ours: no limit shows that there is room behind its rows."""
    rows = rows_named(range(17))
    odd_list = numbered_list(rows, 19, "empty", "ignored", "absent")
    pages = await pages_until_the_end(odd_list)

    assert held(pages) == {row["ID"] for row in rows}
    assert is_certain(pages)
    assert len(odd_list.queries) < 20


@MANY_WAYS
@given(
    st.integers(0, 140),
    SIZES,
    st.sampled_from(NUMBERED_ENDS),
    st.sampled_from(LIMITS),
    st.sampled_from(["absent", "as flag", "as text"]),
)
async def test_all_that_page_numbers_lead_to_is_held(
    count: int, size: int, end: str, limits: str, more: str
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": no run is without an end."""
    rows = rows_named(range(count))
    odd_list = numbered_list(rows, size, end, limits, more)
    pages = await pages_until_the_end(odd_list)

    assert held(pages) == {row["ID"] for row in rows}
    assert len(odd_list.queries) <= 3 * (count // min(size, 20) + 1) + 60


async def test_one_page_whatever_number_is_asked_for_is_no_loop() -> None:
    """Ours: a full page that comes for ever hides what is behind it, so the end is not certain."""
    rows = rows_named(range(20))
    odd_list = OddList(lambda _: page_of(rows))
    pages = await pages_until_the_end(odd_list)

    assert held(pages) == {row["ID"] for row in rows}
    assert not is_certain(pages)
    assert len(odd_list.queries) < 20


async def test_a_cursor_that_is_stuck_at_a_full_page_leaves_a_gap() -> None:
    """Ours: nothing shows whether rows stand behind it, so no answer may call itself complete."""
    rows = rows_named(range(60))
    pages = await pages_until_the_end(cursor_list(rows, 20, "its own cursor"))

    assert held(pages) == {row["ID"] for row in rows}
    assert not is_certain(pages)


@pytest.mark.parametrize("count", [3, 20, 60])
async def test_a_refusal_that_comes_again_behind_the_same_page_ends_the_list(count: int) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": every run ends, if uncertainly.

    The last page says that more follows, and its cursor is refused as an expired one would be.
    """
    rows = rows_named(range(count))
    odd_list = cursor_list(rows, 20, "400 cursor")
    async with api_client(odd_list) as client:
        paging = client.conversations(odd_list.agent_id)
        async with aclosing(paging) as listed:
            pages = [page async for page in listed]

    assert held(pages) == {row["ID"] for row in rows}
    assert not is_certain(pages)


async def test_a_page_out_of_a_cache_does_not_end_the_list() -> None:
    """Ours: an old page comes once, with an old cursor; the cursor leads on all the same."""
    rows = rows_named(range(200))
    answered = 0

    def reply(query: dict[str, str]) -> tuple[int, object]:
        nonlocal answered
        answered += 1
        offset = int(query.get("cursor", "0").split(".")[0])
        offset = offset - 40 if answered == 6 else offset
        page = rows[offset : offset + 20]
        return page_of(page, nextCursor=f"{offset + 20}" if offset + 20 < 200 else None)

    pages = await pages_until_the_end(OddList(reply))
    assert held(pages) == {row["ID"] for row in rows}
    assert is_certain(pages)


@pytest.mark.parametrize("refusal", [END_OF_LIST, REFUSED, CURSOR_REFUSED])
async def test_a_resume_token_that_is_refused_starts_the_list_again(refusal: Reply) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": an expired cursor restarts the run."""
    rows = rows_named(range(15))
    odd_list = OddList(lambda query: refusal if "cursor" in query else page_of(rows, hasMore=False))
    async with api_client(odd_list) as client:
        paging = client.conversations(odd_list.agent_id, resume_token='{"cursor":"expired"}')
        async with aclosing(paging) as pages:
            listed = [page async for page in pages]
    assert held(listed) == {row["ID"] for row in rows}
    assert [*map(sorted, odd_list.queries)] == [["cursor", "limit"], ["limit"]]


@pytest.mark.parametrize(("count", "complete"), [(0, True), (8, True), (20, False)])
async def test_a_list_of_one_page_that_takes_cursors_alone_and_names_none_is_its_page(
    count: int, complete: bool
) -> None:
    """Promised by docs/upstream.md, "The list endpoint": cursors, and an end without one.

    Only a second page shows that page numbers are refused. A full page may have lost its cursor.
    """
    said = {"state": "ai", "summary": "s", "lastMessage": "m"}
    rows = [row | said for row in rows_named(range(count))]
    refusal = 400, {"message": "Use cursor instead of page", "code": "BAD_REQUEST"}
    one_page = OddList(lambda query: page_of(rows) if query.get("page", "1") == "1" else refusal)
    async with connected(one_page) as client:  # type: ignore[arg-type]  # served likewise
        answer = await client.ask("conversation_stats")

    assert answer["totals"].get("conversations", 0) == count
    assert answer["freshness"]["complete"] is complete
    assert "sends no cursor" in str(answer["freshness"]) or complete


@pytest.mark.parametrize("count", [19, 20, 21, 40])
@pytest.mark.parametrize("end", ["empty", "404", "400"])
async def test_a_short_list_whose_numbers_and_limits_are_honoured_is_complete(
    count: int, end: str
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": a page with room left is the end.

    Where the front is as large as the default limit, the page over its last rows has room.
    """
    rows = rows_named(range(count))
    pages = await pages_until_the_end(numbered_list(rows, 20, end, "honoured", more="absent"))

    assert held(pages) == {row["ID"] for row in rows}
    assert is_certain(pages)


async def test_an_agent_that_is_not_there_is_not_an_empty_list() -> None:
    """Promised by docs/upstream.md, "Errors": 404 is no such agent."""
    odd_list = OddList(lambda _: END_OF_LIST)
    async with api_client(odd_list) as client:
        with pytest.raises(NotFoundError):
            await anext(client.conversations(odd_list.agent_id))


async def test_a_row_that_slips_forward_between_pages_of_a_constant_size_is_held() -> None:
    """Ours: where pages cannot overlap, each is read again after the next one."""
    rows = rows_named(range(95))
    kept = {row["ID"] for row in rows[3:]}

    def reply(query: dict[str, str]) -> tuple[int, object]:
        number = int(query.get("page", "1"))
        if number > 1 and len(rows) > 92:
            del rows[0]
        return page_of(rows[(number - 1) * 50 : number * 50])

    assert held(await pages_until_the_end(OddList(reply))) >= kept


async def test_rows_that_slip_onto_the_last_page_of_a_constant_size_leave_a_doubt() -> None:
    """Ours: rows from behind it may also have slipped onto the page before, which was read."""
    rows = rows_named(range(105))
    kept = {row["ID"] for row in rows[6:]}

    def reply(query: dict[str, str]) -> tuple[int, object]:
        number = int(query.get("page", "1"))
        if number > 2 and len(rows) > 99:
            del rows[:6]
        return page_of(rows[(number - 1) * 50 : number * 50])

    pages = await pages_until_the_end(OddList(reply))
    assert held(pages) >= kept
    assert not is_certain(pages)
