"""Where the next page is: the two dialects, positions that are refused, that expire or repeat."""

from typing import Any

import pytest

from convocore_mcp.errors import BadRequestError, ContractError
from convocore_mcp.sandbox import Sandbox

from .api_client import all_pages_of_client, api_client, asked, found, truth


async def test_a_400_that_speaks_of_a_cursor_switches_to_cursors() -> None:
    """Promised by design.md: a refusal of page 2 starts the walk again in the right way."""
    sandbox = Sandbox(size=90)

    def hide(envelope: dict[str, Any], number: int) -> None:
        if number <= 2:
            del envelope["hasMore"]
            envelope.pop("nextCursor", None)

    sandbox.alter_page(hide)
    async with api_client(sandbox) as client:
        assert await found(client, sandbox) == truth(sandbox)
    assert [status for _, status in asked(sandbox)].count(400) >= 1
    assert "cursor" in asked(sandbox)[-1][0]


async def test_a_workspace_that_changes_its_dialect_is_still_read() -> None:
    """Ours: what was learned in one walk is doubted in the next."""
    sandbox = Sandbox(size=90, dialect="page")
    async with api_client(sandbox) as client:
        assert set(await found(client, sandbox)) == set(truth(sandbox))
        sandbox.dialect, sandbox.max_limit = "cursor", 20
        assert await found(client, sandbox) == truth(sandbox)
        sandbox.dialect, sandbox.max_limit = "page", 100
        assert await found(client, sandbox) == truth(sandbox)


async def test_a_workspace_that_takes_neither_numbers_nor_cursors_is_an_error() -> None:
    """Ours: better an error than a list that ends after one page."""
    sandbox = Sandbox(size=90)
    sandbox.alter_page(lambda envelope, _: {k: envelope[k] for k in ("success", "message", "data")})
    async with api_client(sandbox) as client:
        with pytest.raises(ContractError, match="gives no cursor"):
            await all_pages_of_client(client, sandbox)


async def test_an_expired_cursor_starts_the_walk_again() -> None:
    """Promised by design.md: a cursor that has expired is no reason to stop."""
    sandbox = Sandbox(size=130)
    sandbox.on_request.append(lambda number: sandbox.expire_cursors() if number == 4 else None)
    async with api_client(sandbox) as client:
        assert await found(client, sandbox) == truth(sandbox)
    assert [query for query, _ in asked(sandbox)].count({"limit": "20"}) == 2


async def test_cursors_that_always_expire_are_an_error() -> None:
    """Ours: a walk begins again three times, not for ever."""
    sandbox = Sandbox(size=130)
    sandbox.on_request.append(lambda _: sandbox.expire_cursors())
    async with api_client(sandbox) as client:
        with pytest.raises(BadRequestError, match="expired"):
            await all_pages_of_client(client, sandbox)
    assert [query for query, _ in asked(sandbox)].count({"limit": "20"}) == 4


async def test_a_cursor_that_comes_twice_is_an_error_not_a_loop() -> None:
    """Promised by design.md: a position that repeats is an error."""
    sandbox = Sandbox(size=200)
    cursors: list[str] = []

    def repeat(envelope: dict[str, Any], _: int) -> None:
        cursors.append(envelope["nextCursor"])
        envelope["nextCursor"] = cursors[min(len(cursors) - 1, 1)]

    sandbox.alter_page(repeat)
    async with api_client(sandbox) as client:
        with pytest.raises(ContractError, match="came twice"):
            await all_pages_of_client(client, sandbox)


@pytest.mark.parametrize("changing", [False, True])
async def test_an_ignored_page_number_is_an_error_not_a_loop(changing: bool) -> None:
    """Promised by design.md: a position that repeats is an error; also on a list that moves."""
    sandbox = Sandbox(size=300, dialect="page")
    front = list(sandbox.rows())[:100]

    def same(envelope: dict[str, Any], number: int) -> None:
        new = [{"ID": f"new{number - n}"} for n in range(number)] if changing else []
        envelope["data"] = [*new, *front][:100]

    sandbox.alter_page(same)
    async with api_client(sandbox) as client:
        with pytest.raises(ContractError, match="in circles"):
            await all_pages_of_client(client, sandbox)
    assert len(sandbox.requests) < 30


async def test_more_without_a_cursor_is_an_error() -> None:
    """Ours: `hasMore` and no way to it must not look like the end."""
    sandbox = Sandbox(size=60)
    sandbox.alter_page(lambda envelope, _: envelope | {"nextCursor": None, "hasMore": True})
    async with api_client(sandbox) as client:
        with pytest.raises(ContractError, match="not where"):
            await all_pages_of_client(client, sandbox)


async def test_a_page_that_stops_speaking_of_cursors_is_no_promise_of_the_end() -> None:
    """Promised by design.md: a walk that can't promise to have seen everything says so."""
    sandbox = Sandbox(size=130)

    def forget(envelope: dict[str, Any], number: int) -> None:
        if number == 3:
            del envelope["hasMore"], envelope["nextCursor"]

    sandbox.alter_page(forget)
    async with api_client(sandbox) as client:
        pages = await all_pages_of_client(client, sandbox)
    assert [page.certain for page in pages] == [True, True, False]
