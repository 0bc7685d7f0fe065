"""Measure whether questions are answered right, and at what cost, also by alternatives.

    python -m benchmarks.questions [--size 2000] [--sparse] [--verbose] [--every N]

Runs against the sandbox in both dialects. With `--sparse` the list says little of a conversation:
the answers must be the same once single conversations have been read, and before that none may be
wrong that calls itself complete. Exits with 1 if an answer is wrong or over its budget. Needs the
extra `test`.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence

from benchmarks.questions import ABOUT_AGENCY, AFTER_CHANGES, BEFORE_CHANGES
from benchmarks.questions.agency import Agency
from benchmarks.questions.alternatives import generated, generated_pages, raw_pages, read
from benchmarks.questions.question import Question
from benchmarks.questions.runner import (
    Result,
    ask_agency,
    ask_early,
    ask_ours,
    wait_for_midnight,
)
from benchmarks.questions.truth.dataset import Dataset
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.sandbox.server.app import Dialect

DIALECTS: dict[Dialect, str] = {"cursor": "live (cursors)", "page": "as documented (page numbers)"}
OURS, RAW = "convocore-mcp", "raw pages, passed through"
GENERATED = "FastMCP from `openapi.yaml`"
UNCHECKED = f"{GENERATED}, client that doesn't check answers"
AGENCY_SIZE = 600
"""Conversations of the larger of two agents."""


async def evaluate(
    dialect: Dialect, size: int, *, sparse: bool, every: int
) -> dict[str, list[Result]]:
    """Ask one in `every` questions in every way; returns the results by who answered."""
    results: dict[str, list[Result]] = {name: [] for name in (OURS, RAW, GENERATED, UNCHECKED)}
    wait_for_midnight()
    sandbox = Sandbox(size=size, dialect=dialect, sparse=sparse)
    with serving(sandbox) as base_url:

        async def ask_alternatives(questions: Sequence[Question], dataset: Dataset) -> None:
            results[RAW] += read(questions, dataset, await raw_pages(sandbox, base_url))
            async with generated(sandbox, base_url) as server:
                pages = await generated_pages(server, sandbox.agent_id, checked=True)
                results[GENERATED] += read(questions, dataset, pages)
                if not any(page.rows for page in pages):
                    pages = await generated_pages(server, sandbox.agent_id, checked=False)
                    results[UNCHECKED] += read(questions, dataset, pages)

        results[OURS] = await ask_ours(
            sandbox, base_url, ask_alternatives,
            questions=BEFORE_CHANGES[::every], after_changes=AFTER_CHANGES[::every],
        )  # fmt: skip
    agency = Agency(size=AGENCY_SIZE, dialect=dialect, sparse=sparse)
    with serving(agency) as base_url:
        results[OURS] += await ask_agency(agency, base_url, questions=ABOUT_AGENCY[::every])
    return results


async def ask_before_details(dialect: Dialect, every: int) -> list[Result]:
    """The answers from a sparse list that are wrong and call themselves complete."""
    wait_for_midnight()
    sandbox = Sandbox(size=AGENCY_SIZE, dialect=dialect, sparse=True)
    with serving(sandbox) as base_url:
        early = await ask_early(sandbox, base_url, questions=BEFORE_CHANGES[::every])
    print(f"{sum(not one.complete for one in early)} of {len(early)} early answers say incomplete.")
    return [one for one in early if one.complete and not one.right]


def table_row(who: str, upstream: str, results: Sequence[Result]) -> str:
    """A row of the table."""
    right = sum(result.right for result in results)
    calls = statistics.median(result.calls for result in results)
    median = statistics.median(result.tokens for result in results)
    total = sum(result.tokens for result in results)
    cells = (who, upstream, f"{right} of {len(results)}", f"{calls:g}", f"{median:,.0f}")
    return f"| {' | '.join(cells)} | {total:,} |"


def report_failures(results: Sequence[Result], *, verbose: bool) -> list[str]:
    """Print answers that are wrong or over budget; with `verbose`, print all questions."""
    bad = []
    for result in results:
        verdict = "wrong" if not result.right else "ok" if result.within_budget else "over budget"
        if verdict != "ok":
            bad.append(result.question.words)
        if verbose or verdict != "ok":
            cost = f"{result.calls} calls, {result.tokens:,} of {result.question.tokens:,} tokens"
            print(f"{verdict:>11}  {cost:36}  [{result.question.language}] {result.question.words}")
        if verdict == "wrong":
            print(f"{'':13}got      {result.answer}\n{'':13}expected {result.expected}")
    return bad


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=2000, help="conversations")
    parser.add_argument("--sparse", action="store_true", help="a list that says little")
    parser.add_argument("--verbose", action="store_true", help="one line for each question")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one question of N")
    chosen = parser.parse_args()
    every = chosen.every
    bad: list[str] = []
    lines: list[str] = []
    for dialect, upstream in DIALECTS.items():
        results = asyncio.run(evaluate(dialect, chosen.size, sparse=chosen.sparse, every=every))
        if chosen.sparse:
            bad += report_failures(asyncio.run(ask_before_details(dialect, every)), verbose=True)
        bad += report_failures(results[OURS], verbose=chosen.verbose)
        lines += [table_row(who, upstream, given) for who, given in results.items() if given]
    asked = [result.question for result in results[OURS]]
    languages = len({question.language for question in asked})
    print(f"\n{len(asked)} questions in {languages} languages, {chosen.size:,} conversations:\n")
    print("| who answers | upstream | right | calls, median | tokens, median | tokens, all |")
    print("|---|---|---|---|---|---|", *lines, sep="\n")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
