"""The decisions of reading by page numbers, as tables: what is requested, what a response leads to.

A row is written as its offset at the start, and `18-36` means the rows 18 to 35. No I/O is done.
"""

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest

from convocore_mcp.api.page_number_plan import PageNumberPlan
from convocore_mcp.api.page_numbers import PageNumberToken, Span
from convocore_mcp.api.paging.plan_steps import Outcome, ReadNow
from convocore_mcp.api.throttle import CONCURRENCY
from convocore_mcp.api.wire import ListResponse
from convocore_mcp.models import Page, Quarantined


class Step(NamedTuple):
    """One request and the response that is awaited after it."""

    sent: str
    """The spans that are prefetched now, or `now` and the span that is read at once."""
    rows: str
    """The rows of the response: of the oldest span under way, or of the one read at once."""
    outcome: str = ""
    """The pages that are handed out (`?` marks an uncertain one), and `cancel` or `end`."""


def digests(rows: str) -> list[str]:
    """`0-2 new` is the rows 0 and 1, and a row named `new`."""
    names: list[str] = []
    for part in rows.split():
        start, dash, end = part.partition("-")
        names += map(str, range(int(start), int(end))) if dash else [part]
    return names


def response(rows: str) -> ListResponse:
    """A response whose page can be told by the text of `rows`."""
    names = digests(rows)
    return ListResponse(
        page=Page((), (Quarantined(rows, "not parsed here", None),)),
        row_count=len(names),
        row_digests=frozenset(names),
        by_cursor=False,
        next_cursor=None,
    )


def describe(outcome: Outcome, *, ended: bool) -> str:
    texts = [
        (page.quarantined[0].raw if page.quarantined else "") + ("" if page.certain else "?")
        for page in outcome.pages
    ]
    return ", ".join(texts + ["cancel"] * outcome.cancel_prefetched + ["end"] * ended)


def execute(plan: PageNumberPlan, responses: Sequence[str]) -> list[Step]:
    """What `pagination` does, with the given responses in place of requests."""
    under_way: deque[Span] = deque()
    steps = []
    for rows in responses:
        request = plan.next_request(len(under_way))
        if isinstance(request, ReadNow):
            span, sent = request.span, f"now {request.span.start}-{request.span.end}"
        else:
            under_way.extend(request.spans)
            sent = " ".join(f"{span.start}-{span.end}" for span in request.spans)
            span = under_way.popleft()
        outcome = plan.receive(span, response(rows))
        if outcome.cancel_prefetched:
            under_way.clear()
        steps.append(Step(sent, rows, describe(outcome, ended=plan.ended)))
    return steps


def plan_after(front: str) -> PageNumberPlan:
    plan = PageNumberPlan()
    plan.start_with(response(front))
    return plan


RESUMED = PageNumberToken(36, 20, frozenset(digests("18-36")))
"""A list that was read up to row 36 before."""


TABLES: dict[str, tuple[str | PageNumberToken, list[Step]]] = {
    "a short page, and empty pages over three pages' worth of rows, are the end": (
        "0-5",
        [
            Step("18-36", ""),
            Step("34-51 48-64", ""),
            Step("", ""),
            Step("60-80", "", "end"),
        ],
    ),
    "an empty list ends as well": (
        "",
        [Step("18-36", ""), Step("34-51 48-64", ""), Step("", "", "end")],
    ),
    "the number of prefetched spans doubles up to eight, and falls near the end": (
        "0-20",
        [
            Step("18-36", "18-36", "18-36"),
            Step("34-51 48-64", "34-51", "34-51"),
            Step("60-80 76-95 90-108", "48-64", "48-64"),
            Step("105-120 114-133 128-144 140-160 152-171", "60-80", "60-80"),
            Step("169-182", "76-80", "76-80"),
            Step("", ""),
            Step("", ""),
            Step("", ""),
            Step("", "", "end"),
        ],
    ),
    "a gap is closed by a page that overlaps both sides": (
        "0-20",
        [
            Step("18-36", "23-41"),
            Step("now 18-36", "16-20 23-36", "16-20 23-36, 23-41"),
            Step("34-51 48-64", "39-56", "39-56"),
        ],
    ),
    "a search goes back twice as far each time": (
        "0-20",
        [
            Step("18-36", "45-63"),
            Step("now 18-36", "43-61"),
            Step("now 16-32", "41-57"),
            Step("now 12-24", ""),
            Step("now 0-20", "0-3 30-47", "0-3 30-47, 45-63"),
            Step("34-51 48-64", "61-78", "61-78"),
        ],
    ),
    "a gap is searched from the last page before it": (
        "0-20",
        [
            Step("18-36", "18-36", "18-36"),
            Step("34-51 48-64", "70-87"),
            Step("now 34-51", "35-36 55-71", "35-36 55-71, 70-87"),
        ],
    ),
    "a page that closes one side of a gap is followed by the rows behind it": (
        "0-20",
        [
            Step("18-36", "18-36", "18-36"),
            Step("34-51 48-64", "90-107"),
            Step("now 34-51", "35-36 55-71", "35-36 55-71, 90-107, cancel"),
            Step("48-64", "70-86", "70-86"),
        ],
    ),
    "a gap that six requests do not close makes the next page uncertain": (
        "0-20",
        [
            Step("18-36", "18-36", "18-36"),
            Step("34-51 48-64", "93-110"),
            Step("now 34-51", "91-108"),
            Step("now 32-48", "88-104"),
            Step("now 28-42", "84-98"),
            Step("now 20-40", "60-80"),
            Step("now 0-20", "61-81"),
            Step("now 0-20", "62-82", "93-110?"),
            Step("60-80 76-95 90-108", "109-125", "109-125"),
        ],
    ),
    "rows that an empty page lacked by mistake are read": (
        "0-20",
        [
            Step("18-36", ""),
            Step("34-51 48-64", "34-51"),
            Step("now 18-36", "18-36", "18-36, cancel"),
            Step("34-51", "34-51", "34-51"),
        ],
    ),
    "an empty page whose rows are all hidden is passed": (
        "0-20",
        [
            Step("18-36", ""),
            Step("34-51 48-64", "40-51"),
            Step("now 18-36", "18-20", "40-51"),
            Step("60-80 76-95 90-108", "50-64", "50-64"),
        ],
    ),
    "an empty page is passed if nothing overlaps any more": (
        "0-20",
        [
            Step("18-36", ""),
            Step("34-51 48-64", "34-51"),
            Step("now 18-36", ""),
            Step("now 16-32", ""),
            Step("now 12-24", ""),
            Step("now 0-20", ""),
            Step("now 0-20", ""),
            Step("now 0-20", "", "34-51"),
        ],
    ),
    "a page that overlaps after an empty page needs no search": (
        "0-20",
        [
            Step("18-36", ""),
            Step("34-51 48-64", "19-33", "19-33"),
        ],
    ),
    "a full last page is no end: its rows are read again with room behind them": (
        "0-20",
        [
            Step("18-36", ""),
            Step("34-51 48-64", ""),
            Step("", ""),
            Step("60-80", ""),
            Step("now 18-36", "18-20", "18-20, end"),
        ],
    ),
    "rows that moved forward at the end are read, then the end is looked for again": (
        "0-20",
        [
            Step("18-36", ""),
            Step("34-51 48-64", ""),
            Step("", ""),
            Step("60-80", ""),
            Step("now 18-36", "18-23", "18-23, cancel"),
            Step("34-51", ""),
            Step("48-64 60-80", ""),
            Step("", ""),
            Step("76-95", "", "end"),
        ],
    ),
    "an end that six requests do not show is uncertain": (
        "0-20",
        [
            Step("18-36", "18-36", "18-36"),
            Step("34-51 48-64", ""),
            Step("60-80", ""),
            Step("", ""),
            Step("76-95", ""),
            Step("90-108", ""),
            Step("now 34-51", ""),
            Step("now 32-48", ""),
            Step("now 28-42", ""),
            Step("now 20-40", ""),
            Step("now 0-20", ""),
            Step("now 0-20", "", "?, end"),
        ],
    ),
    "reading is resumed behind the last page": (
        RESUMED,
        [
            Step("34-51", "34-51", "34-51"),
            Step("48-64 60-80", "48-56", "48-56"),
        ],
    ),
    "a resumed list whose rows were all touched is uncertain": (
        RESUMED,
        [
            Step("34-51", "44-61"),
            Step("now 34-51", "44-61"),
            Step("now 32-48", "42-58"),
            Step("now 28-42", "40-54"),
            Step("now 20-40", "37-57"),
            Step("now 0-20", "new"),
            Step("now 0-20", "new", "44-61?"),
        ],
    ),
    "a resumed list is not at its end before a page showed it": (
        RESUMED,
        [
            Step("34-51", ""),
            Step("48-64 60-80", ""),
            Step("", ""),
            Step("76-95", ""),
            Step("90-108", ""),
            Step("now 34-51", "34-36", "34-36, end"),
        ],
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_plan_makes_the_decisions_of_the_table(name: str) -> None:
    """Promised by docs/architecture.md, "Reading Convocore"."""
    start, steps = TABLES[name]
    plan = PageNumberPlan.resume(start) if isinstance(start, PageNumberToken) else plan_after(start)
    assert execute(plan, [step.rows for step in steps]) == steps


def test_large_pages_are_read_one_at_a_time() -> None:
    """Ours: eight pages of 20 MB would not fit into the memory that the program may take."""
    plan = plan_after("0-20")
    large = replace(response("18-36"), size=20 * 2**20)
    plan.receive(plan.next_request(0).spans[0], large)  # type: ignore[union-attr]
    requests = [plan.next_request(under_way) for under_way in (0, 0, 1)]

    assert [len(request.spans) for request in requests] == [1, 1, 0]  # type: ignore[union-attr]


def test_only_the_last_page_handed_out_carries_a_resume_token() -> None:
    """Ours: a token promises that every row before it was handed out."""
    plan = plan_after("0-20")
    plan.next_request(0)
    plan.receive(Span(2, 18), response("23-41"))
    closing = plan.receive(Span(2, 18), response("16-20 23-36"))

    assert closing.pages[0].resume_token is None
    assert closing.pages[1].resume_token is not None
    assert PageNumberToken.from_text(closing.pages[1].resume_token) == PageNumberToken(
        36, 20, frozenset(digests("23-41"))
    )


@pytest.mark.parametrize("new", ["", " new1 new2"])
def test_full_pages_that_bring_hardly_anything_new_are_an_uncertain_end(new: str) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": nothing new is the end."""
    plan = plan_after("0-20")
    size = -len(new.split())
    rows = [f"0-{limit + size}{new}" for limit in (18, 17, 16, 20, 18)]  # the front, and the last
    steps = execute(plan, rows)
    assert (steps[-1].outcome, plan.needs_constant_limit) == (f"{rows[-1]}?, end", False)


def test_a_short_page_that_repeats_is_the_end() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": no row can stand behind it."""
    plan = plan_after("0-13")
    assert execute(plan, ["0-13"] * 3)[-1].outcome == "0-13, end"


@pytest.mark.parametrize(
    ("front", "responses"),
    [
        ("0-20", ["20-40"]),  # more rows than the 18 that were asked for
        ("0-20", ["93-111", "91-109", "88-104", "84-96", "60-80", "61-81", "62-82"]),
        ("0-10", ["10-20", "10-20", "10-20", "10-20", "0-10"]),
        ("0-20", [""] * 10),
    ],
    ids=["a larger page", "a gap behind the front", "a smaller page", "nothing behind the front"],
)
def test_pages_that_cannot_be_joined_to_the_front_need_a_constant_limit(
    front: str, responses: list[str]
) -> None:
    """Ours: `limit` may be ignored, capped or refused, and then no two pages overlap."""
    plan = plan_after(front)
    steps = execute(plan, responses)
    assert plan.needs_constant_limit
    assert "end" in steps[-1].outcome


def test_an_end_that_six_checks_do_not_prove_is_uncertain() -> None:
    """Ours: the last rows are not read again for ever."""
    plan = plan_after("0-20")
    execute(plan, ["18-36"])
    starts = itertools.cycle([0, 18])
    outcomes = []
    while not plan.ended:
        request = plan.next_request(CONCURRENCY)
        rows = ""
        if isinstance(request, ReadNow):  # no room behind the rows, and no new row
            start = next(starts)
            rows = f"{start}-{min(36, start + request.span.limit)}"
        outcomes += [step.outcome for step in execute(plan, [rows])]

    handed_out = [outcome for outcome in outcomes if outcome]
    assert [outcome.removesuffix(", cancel") for outcome in handed_out][-1] == "?, end"
    assert len(handed_out) == 7
