"""A question: its words, the tool calls that answer it, the expected facts, and a budget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.questions.truth.dataset import Dataset
from benchmarks.questions.truth.oracle import Facts, given, numeric

Answer = dict[str, Any]
Answers = Sequence[Answer]
Arguments = dict[str, Any]
Call = tuple[str, Arguments | Callable[[Answers], Arguments]]
"""A tool and its arguments, as a model would send them, or computed from earlier answers."""

SAVED_CURSOR = "<cursor>"
"""Placeholder for the `next_cursor` that an automation saved at its last call."""


@dataclass(frozen=True)
class Question:
    """A question that people ask."""

    words: str
    language: str
    """ISO 639-1."""
    calls: Sequence[Call]
    facts: Callable[[Answers], Facts]
    """The facts in our answers."""
    expected: Callable[[Dataset], Facts]
    """The expected facts."""
    tokens: int = 800
    """The budget for the arguments and answers of all calls (o200k)."""


# Facts of answers


def path(*names: str) -> Callable[[Answers], Facts]:
    """The value at a path of names in the last answer."""

    def read(answers: Answers) -> Facts:
        found: Any = answers[-1]
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found

    return read


def ids(answers: Answers) -> Facts:
    """The conversations of all pages, in order."""
    return [row["id"] for answer in answers for row in answer["conversations"]]


def total_and_ids(answers: Answers) -> Facts:
    """The total, and the ids that are shown."""
    return {"total": answers[-1]["total"], "first": ids(answers)}


def by(key: str, name: str) -> Callable[[Answers], Facts]:
    """One figure of each group that has it."""

    def read(answers: Answers) -> Facts:
        groups = answers[-1]["groups"]
        return {group[key]: group[name] for group in groups if given(group.get(name))}

    return read


def lead(*names: str) -> Callable[[Answers], Facts]:
    """Some fields of the lead that was found; None if there was none, or several."""

    def read(answers: Answers) -> Facts:
        found = answers[-1].get("lead")
        return found and {name: found.get(name) for name in names}

    return read


def candidates(answers: Answers) -> Facts:
    """How many people fit, and their names; one is the lead itself, nobody is not found."""
    if one := answers[-1].get("lead"):
        return {"total": 1, "names": [one.get("name", "")]}
    if answers[-1].get("error", {}).get("code") == "not_found":
        return {"total": 0, "names": []}
    named = answers[-1].get("candidates", [])
    return {"total": answers[-1].get("total"), "names": sorted(c.get("name", "") for c in named)}


def alike(left: Facts, right: Facts) -> bool:
    """Whether facts are equal; numbers to the cent."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(alike(left[k], right[k]) for k in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        pairs = zip(left, right, strict=False)
        return len(left) == len(right) and all(alike(a, b) for a, b in pairs)
    a, b = numeric(left), numeric(right)
    if a is not None and b is not None and not isinstance(left, str):
        return abs(a - b) < 0.005
    return bool(left == right)
