"""Questions of the common forms: lists of conversations or people, counts, measures, refusals."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmarks.questions.question import Answers, Question, by, ids
from benchmarks.questions.truth.dataset import Dataset, Lead
from benchmarks.questions.truth.oracle import Facts, Row

CONVERSATIONS, LEADS = "list_conversations", "list_leads"
STATS, LEAD, GET_CONVERSATION = "conversation_stats", "get_lead", "get_conversation"
SHOWN_ROWS = 5
"""Rows that are asked for where somebody wants to see some."""
Rows = Callable[[Dataset], Iterable[Row]]
People = Callable[[Dataset], Iterable[Lead]]


def chats(
    words: str, language: str, truth: Rows, *, tokens: int = 700, **arguments: object
) -> Question:
    """Which conversations: how many there are, and the first ones in order."""

    def expected(dataset: Dataset) -> Facts:
        found = [row["ID"] for row in truth(dataset)]
        return {"total": len(found), "first": found[:SHOWN_ROWS]}

    given = {"limit": SHOWN_ROWS, "fields": ["name"]} | arguments
    return Question(
        words, language, [(CONVERSATIONS, given)],
        lambda answers: {"total": answers[-1]["total"], "first": ids(answers)},
        expected, tokens=tokens,
    )  # fmt: skip


def people(
    words: str, language: str, truth: People, *, tokens: int = 700, **arguments: object
) -> Question:
    """Which people: how many there are, and the first ones in order, by their last activity."""

    def expected(dataset: Dataset) -> Facts:
        found = [lead.last_activity for lead in truth(dataset)]
        return {"total": len(found), "first": found[:SHOWN_ROWS]}

    def facts(answers: Answers) -> Facts:
        rows = answers[-1]["leads"]
        return {"total": answers[-1]["total"], "first": [row.get("last_activity") for row in rows]}

    given = {"limit": SHOWN_ROWS, "fields": ["name", "last_activity"]} | arguments
    return Question(words, language, [(LEADS, given)], facts, expected, tokens=tokens)


def how_many(
    words: str, language: str, truth: Rows | People, *, tool: str = CONVERSATIONS, **filters: object
) -> Question:
    """The number of conversations or people."""
    return Question(
        words, language, [(tool, {"limit": 1, "fields": ["name"]} | filters)],
        lambda answers: answers[-1]["total"], lambda dataset: len(list(truth(dataset))),
        tokens=500,
    )  # fmt: skip


def grouped(
    words: str,
    language: str,
    figure: str,
    truth: Callable[[Dataset], Mapping[Any, Any]],
    *,
    tokens: int = 700,
    **arguments: Any,
) -> Question:
    """One figure by the first grouping, without zeros."""
    key = arguments["group_by"][0]

    def expected(dataset: Dataset) -> Facts:
        return {name: number for name, number in truth(dataset).items() if number}

    return Question(
        words, language, [(STATS, arguments)], by(key, figure), expected, tokens=tokens
    )  # fmt: skip


def totals(
    words: str,
    language: str,
    figures: Iterable[str],
    truth: Callable[[Dataset], Mapping[str, Any]],
    **arguments: Any,
) -> Question:
    """Figures of everything that fits; zeros are left out of answers."""

    def facts(answers: Answers) -> Facts:
        found = answers[-1]["totals"]
        return {name: found.get(name, 0) for name in figures}

    return Question(words, language, [(STATS, arguments)], facts, truth, tokens=600)


def measured(
    words: str,
    language: str,
    field: str,
    figures: Iterable[str],
    truth: Callable[[Dataset], Mapping[str, Any]],
    **arguments: Any,
) -> Question:
    """Figures of a measure over everything that fits; nothing where nobody knows the field."""

    def facts(answers: Answers) -> Facts:
        found = answers[-1]["totals"].get("measures", {}).get(field)
        return {name: found[name] for name in figures} if found else {}

    calls = [(STATS, {"measure": [field]} | arguments)]
    return Question(words, language, calls, facts, truth, tokens=600)


def measured_by(
    words: str,
    language: str,
    field: str,
    figure: str,
    truth: Callable[[Dataset], Mapping[Any, Any]],
    *,
    tokens: int = 900,
    **arguments: Any,
) -> Question:
    """One figure of a measure by the first grouping."""
    key = arguments["group_by"][0]

    def facts(answers: Answers) -> Facts:
        return {
            group[key]: group["measures"][field][figure]
            for group in answers[-1]["groups"]
            if field in group.get("measures", {})
        }

    calls = [(STATS, {"measure": [field]} | arguments)]
    return Question(words, language, calls, facts, truth, tokens=tokens)


def refused(
    words: str, language: str, tool: str, says: Iterable[str], *, tokens: int = 700, **given: Any
) -> Question:
    """What can't be known from here: an error that names what is wrong, and what is valid."""
    wanted = list(says)

    def facts(answers: Answers) -> Facts:
        error = answers[-1].get("error", {})
        text = f"{error.get('message', '')} {error.get('hint', '')}"
        return {"code": error.get("code"), "says": [word for word in wanted if word in text]}

    return Question(
        words, language, [(tool, given)], facts,
        lambda _: {"code": "invalid_argument", "says": wanted}, tokens=tokens,
    )  # fmt: skip


def average(values: Iterable[float | None]) -> float | None:
    """The mean of what is known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
