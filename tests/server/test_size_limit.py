"""Answers are shortened to the limit of characters, and tell so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.server.rendering import compact
from convocore_mcp.server.size_limit import (
    MAX_CHARACTERS,
    drop_largest_fields,
    excess,
    fitting_rows,
    rows_within_limit,
    shorten_fields,
    shorten_rows,
)

rows = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=12)


@given(rows, st.integers(0, 400))
def test_as_many_rows_as_fit_are_kept_and_at_least_one(
    rows: list[dict[str, str]], room: int
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": whole rows are dropped."""
    count = fitting_rows(rows, room=room)
    sizes = [len(compact(row)) + 1 for row in rows]
    assert min(1, len(rows)) <= count <= len(rows)
    assert sum(sizes[:count]) <= room or count == 1
    assert count == len(rows) or sum(sizes[: count + 1]) > room


def of_rows(count: int) -> dict[str, Any]:
    return {"rows": [{"text": "x" * 989} for _ in range(count)], "freshness": {"notes": ["a"]}}


@pytest.mark.parametrize(("count", "kept"), [(0, 0), (5, 5), (29, 29), (31, 29)])
def test_an_answer_keeps_the_rows_that_fit_beside_the_reserve(count: int, kept: int) -> None:
    """Promised by docs/contract.md, "Rules for every answer": at most 30,000 characters."""
    answer = of_rows(count)
    assert rows_within_limit(answer, "rows", reserve=500) == kept
    assert excess(answer | {"rows": answer["rows"][:kept]}, reserve=500) <= 0


def test_a_note_tells_how_many_rows_are_shown() -> None:
    """Promised by docs/contract.md, "Rules for every answer": what is left out is told."""
    assert shorten_rows(of_rows(5), "rows", reserve=200) == of_rows(5)
    shortened = shorten_rows(of_rows(40), "rows", reserve=200)
    shown = len(shortened["rows"])
    assert shown == 29
    assert len(compact(shortened)) <= MAX_CHARACTERS
    assert shortened["freshness"]["notes"] == [
        "a", f"{shown} of 40 rows are shown: an answer has at most 30,000 characters."
    ]  # fmt: skip


def test_fields_are_shortened_in_their_order_until_the_answer_fits() -> None:
    """Ours: a list loses its last items, any other field is dropped whole."""
    lead: dict[str, Any] = {
        "events": [{"text": "x" * 90}] * 200,
        "data": "y" * 19_000,
        "tags": ["z"],
    }
    answer = {"lead": lead}
    assert shorten_fields(answer, "lead", ("none", "events", "data", "tags"), reserve=2_000) == [
        "events"
    ]
    assert 0 < len(lead["events"]) < 200
    assert excess(answer, reserve=2_000) <= 0
    assert shorten_fields(answer, "lead", ("data", "tags"), reserve=25_000) == ["data", "tags"]
    assert lead["tags"] == ["z"]


def test_the_largest_fields_are_dropped_first() -> None:
    """Ours: a record keeps as many of its fields as fit."""
    record = {"small": "x", "large": "x" * 20_000, "larger": "x" * 25_000}
    assert drop_largest_fields(record, reserve=1_500) == {"larger": 25_002}
    assert record.keys() == {"small", "large"}
    assert drop_largest_fields(record, reserve=1_500) == {}
