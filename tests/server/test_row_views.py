"""How the values of fields are written in answers."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.server.views.row_views import field_view
from tests.details.details_harness import full_rows
from tests.tool_client import connected

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_date_of_the_crm_without_a_time_is_shown_as_the_day() -> None:
    """Promised by docs/contract.md, "Fields": dates without a time are days of the time zone.

    Holds docs/contract.md #days-shown.
    """
    midnight = datetime(2026, 7, 18, 22, tzinfo=UTC)
    assert field_view("next_due", midnight, zone=BERLIN) == "2026-07-19"
    assert field_view("expected_close", midnight, zone=UTC) == "2026-07-18T22:00:00Z"


def test_a_time_that_begins_a_day_by_chance_stays_a_time() -> None:
    """Promised by docs/contract.md, "Rules for every answer": times are RFC 3339."""
    midnight = datetime(2026, 7, 19, tzinfo=UTC)
    assert field_view("last_activity", midnight, zone=UTC) == "2026-07-19T00:00:00Z"


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Africa/Cairo", "2027-04-30"),  # begins at 01:00: there is no midnight
        ("America/Santiago", "2027-09-05"),
        ("America/Havana", "2026-11-01"),  # has two midnights
    ],
)
async def test_a_day_that_begins_when_the_clocks_change_is_a_day(zone: str, day: str) -> None:
    """Ours: the evening before, in UTC, would be read as another day.

    Holds docs/contract.md #days-shown.
    """
    sandbox = Sandbox(size=0)
    sandbox.replace(full_rows(1, userName="Ann", expectedCloseDate=day, demoDate=day))
    names = ["expected_close", "demo"]
    async with connected(sandbox, timezone=zone) as client:
        (lead,) = (await client.ask("list_leads", fields=names))["leads"]
        (row,) = (await client.ask("list_conversations", fields=names))["conversations"]
    assert {lead["expected_close"], lead["demo"], row["expected_close"], row["demo"]} == {day}
