"""What pages and changes say while conversations go on."""

from typing import Any

from tests.promises.conversations import ROWS, Row, ago, sandbox_of
from tests.tool_client import connected

EVERY_TIME: dict[str, Any] = {"incremental_sync_seconds": 0}
"""Each call reads the front of the list again."""


async def test_paging_through_leads_is_as_of_the_first_page_and_says_if_they_moved() -> None:
    """Promised by docs/contract.md, "`list_leads`": no lead twice, and none is missed.

    Holds docs/contract.md #leads-moved.
    """
    people: list[Row] = [
        {"ID": f"c{n}", "userName": f"P {n}", "leadScore": 10 + n, "funnelLastEvaluated": 1,
         "ts": ago(hours=n + 1)} for n in range(9)
    ]  # fmt: skip
    sandbox = sandbox_of(people)
    async with connected(sandbox, **EVERY_TIME) as client:
        await client.until_complete()
        first = await client.ask("list_leads", limit=3)
        still = await client.ask("list_leads", limit=3, cursor=first["next_cursor"])
        sandbox.touch("c0", leadScore=99)
        sandbox.insert(userName="New", leadScore=50, funnelLastEvaluated=1)
        moved = await client.ask("list_leads", limit=3, cursor=still["next_cursor"])
        again = await client.ask("list_leads", limit=100)

    listed = [row["lead_id"] for page in (first, still, moved) for row in page["leads"]]
    assert listed == [f"c{n}" for n in reversed(range(9))]
    assert "notes" not in still["freshness"]
    assert "Leads changed since the first page" in moved["freshness"]["notes"][0]
    assert "next_cursor" not in moved
    assert (again["leads"][0]["lead_id"], again["total"]) == ("c0", 10)


async def test_a_change_of_what_is_no_field_has_the_name_of_the_record() -> None:
    """Promised by docs/contract.md, "`list_changes`": the record's own name.

    Holds docs/contract.md #other-fields.
    """
    sandbox = sandbox_of()
    async with connected(sandbox, **EVERY_TIME) as client:
        cursor = (await client.ask("list_changes"))["next_cursor"]
        sandbox.touch("bo-1", subIndustry="Bikes", stage="lost")
        (change,) = (await client.ask("list_changes", cursor=cursor))["changes"]
    assert change["id"] == ROWS[2]["ID"]
    assert change["changed"]["sub_industry"] == ["none", "Bikes"]
    assert change["changed"]["stage"] == ["won", "lost"]
    assert "user_name" not in change["changed"]
