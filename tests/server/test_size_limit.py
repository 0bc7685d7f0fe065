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
    shorten_lists,
    shorten_rows,
)

rows = st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), max_size=12)


@given(rows, st.integers(0, 400))
def test_as_many_rows_as_fit_are_kept_and_at_least_one(
    rows: list[dict[str, str]], room: int
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": whole rows are dropped.

    Holds docs/contract.md #rows-dropped.
    """
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
    """Promised by docs/contract.md, "Rules for every answer": what is left out is told.

    Holds docs/contract.md #rows-dropped.
    """
    assert shorten_rows(of_rows(5), "rows", reserve=200) == of_rows(5)
    shortened = shorten_rows(of_rows(40), "rows", reserve=200)
    shown = len(shortened["rows"])
    assert shown == 29
    assert len(compact(shortened)) <= MAX_CHARACTERS
    assert shortened["freshness"]["notes"] == [
        "a", f"{shown} of 40 rows are shown: an answer has at most 30,000 characters."
    ]  # fmt: skip


def test_the_longest_lists_are_shortened_until_the_answer_fits() -> None:
    """Promised by docs/contract.md, "Rules for every answer": at most 30,000 characters.

    Holds docs/contract.md #lists-shortened.
    """
    events = [{"at": number, "text": "x" * 190} for number in range(200)]
    lead: dict[str, Any] = {"events": events, "data": {str(n): "y" * 400 for n in range(90)}}
    lead["tags"] = ["z" * 50] * 40
    answer = {"lead": lead}
    shorten_lists(answer, lead, reserve=2_000, from_start={"events"})
    assert excess(answer, reserve=2_000) <= 0
    assert excess(answer, reserve=3_000) > 0
    assert len(lead["tags"]) == 40
    assert events[-1]["at"] == 199
    assert list(lead["data"]) == [str(n) for n in range(len(lead["data"]))]
    assert abs(len(compact(lead["data"])) - len(compact(events))) < 500
    before = compact(answer)
    shorten_lists(answer, lead, reserve=2_000)
    assert compact(answer) == before


def test_a_list_of_which_no_entry_fits_is_left_empty() -> None:
    """Ours: an entry is never cut."""
    lead: dict[str, Any] = {"data": {"one": "y" * 40_000}, "tags": ["z"]}
    shorten_lists({"lead": lead}, lead, reserve=2_000)
    assert lead == {"data": {}, "tags": ["z"]}


def test_the_largest_fields_are_dropped_first() -> None:
    """Ours: a record keeps as many of its fields as fit."""
    record = {"small": "x", "large": "x" * 20_000, "larger": "x" * 25_000}
    assert drop_largest_fields(record, reserve=1_500) == {"larger": 25_002}
    assert record.keys() == {"small", "large"}
    assert drop_largest_fields(record, reserve=1_500) == {}
