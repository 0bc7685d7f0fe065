"""Spans, limits and digests of rows: what page numbers say about rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convocore_mcp.api.page_numbers import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    REMEMBERED_ROWS,
    PageNumberToken,
    RecentRows,
    Span,
    holds_end,
    max_limit_shown_by,
    span_over,
)

MAX_LIMITS = st.integers(DEFAULT_LIMIT, MAX_LIMIT)


@given(st.integers(0, 10**7), MAX_LIMITS, st.integers(1, 64))
def test_a_span_overlaps_what_was_read_and_stays_within_the_limit(
    offset: int, max_limit: int, overlap: int
) -> None:
    """Ours: two pages without a shared row may have a gap between them."""
    span = span_over(offset, max_limit=max_limit, overlap=overlap)

    assert span.start <= max(0, offset - overlap)
    assert span.end - span.start == span.limit <= max_limit
    assert (span.start, span.end) == ((span.page - 1) * span.limit, span.page * span.limit)


@given(st.integers(0, 10**6), MAX_LIMITS)
def test_each_span_goes_further_than_the_one_before(offset: int, max_limit: int) -> None:
    """Ours: reading must come to an end."""
    assert span_over(offset, max_limit=max_limit).end > offset


@pytest.mark.parametrize(
    ("row_count", "max_limit"), [(0, 20), (5, 20), (20, 20), (33, 33), (100, 100), (250, 100)]
)
def test_a_page_shows_which_limit_is_honoured(row_count: int, max_limit: int) -> None:
    """Promised by docs/upstream.md, "The list endpoint": `limit` has an unknown cap."""
    assert max_limit_shown_by(row_count) == max_limit


@pytest.mark.parametrize(
    ("limit", "row_count", "at_end"),
    [(20, 20, False), (20, 17, False), (20, 16, True), (100, 81, False), (100, 80, True)],
)
def test_only_a_page_with_room_left_holds_the_end(limit: int, row_count: int, at_end: bool) -> None:
    """Promised by docs/upstream.md, "The list endpoint": a few rows of a page may be hidden."""
    assert holds_end(Span(3, limit), row_count) is at_end


def test_any_first_page_overlaps_and_later_ones_must_share_a_row() -> None:
    """Ours: there is nothing before the first page that could be missing."""
    rows = RecentRows()
    assert rows.overlap_with(["a"])
    assert rows.add(["a", "b"]) == 2
    assert rows.overlap_with(["b", "c"])
    assert not rows.overlap_with(["c"])
    assert rows.add(["b", "c"]) == 1


def test_only_the_latest_rows_are_remembered() -> None:
    """Ours: a list of millions of rows must not fill the memory."""
    rows = RecentRows()
    names = [str(n) for n in range(REMEMBERED_ROWS + 100)]
    for start in range(0, len(names), 100):
        rows.add(names[start : start + 100])

    assert not rows.overlap_with(names[:100])
    assert rows.overlap_with(names[100:101])


@given(st.builds(PageNumberToken, st.integers(0), MAX_LIMITS, st.frozensets(st.text())))
def test_a_resume_token_survives_being_written_as_text(token: PageNumberToken) -> None:
    """Ours: another process goes on where this one stopped."""
    assert PageNumberToken.from_text(token.to_text()) == token
