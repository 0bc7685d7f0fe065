"""How the values of fields are written in answers."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from convocore_mcp.server.views.row_views import field_view

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
