"""Measure whether questions are answered right, and at what cost, also by alternatives.

    python -m benchmarks.questions [--size 2000] [--verbose]

Runs against the sandbox in both dialects. Exits with 1 if an answer is wrong or over its budget.
Needs the extra `test`.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence

from benchmarks.questions import QUESTIONS
from benchmarks.questions.alternatives import generated, generated_pages, raw_pages, read
from benchmarks.questions.question import Question
from benchmarks.questions.runner import Result, ask_ours
from benchmarks.questions.truth.dataset import Dataset
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.sandbox.server.app import Dialect

DIALECTS: dict[Dialect, str] = {"cursor": "live (cursors)", "page": "as documented (page numbers)"}
OURS, RAW = "convocore-mcp", "raw pages, passed through"
GENERATED = "FastMCP from `openapi.yaml`"
UNCHECKED = f"{GENERATED}, client that doesn't check answers"


async def evaluate(dialect: Dialect, size: int) -> dict[str, list[Result]]:
    """Ask all questions in every way; returns the results by who answered."""
    results: dict[str, list[Result]] = {name: [] for name in (OURS, RAW, GENERATED, UNCHECKED)}
    sandbox = Sandbox(size=size, dialect=dialect)
    with serving(sandbox) as base_url:

        async def ask_alternatives(questions: Sequence[Question], dataset: Dataset) -> None:
            results[RAW] += read(questions, dataset, await raw_pages(sandbox, base_url))
            async with generated(sandbox, base_url) as server:
                pages = await generated_pages(server, sandbox.agent_id, checked=True)
                results[GENERATED] += read(questions, dataset, pages)
                if not any(page.rows for page in pages):
                    pages = await generated_pages(server, sandbox.agent_id, checked=False)
                    results[UNCHECKED] += read(questions, dataset, pages)

        results[OURS] = await ask_ours(sandbox, base_url, ask_alternatives)
    return results


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
    parser.add_argument("--verbose", action="store_true", help="one line for each question")
    chosen = parser.parse_args()
    bad: list[str] = []
    lines: list[str] = []
    for dialect, upstream in DIALECTS.items():
        results = asyncio.run(evaluate(dialect, chosen.size))
        bad += report_failures(results[OURS], verbose=chosen.verbose)
        lines += [table_row(who, upstream, given) for who, given in results.items() if given]
    languages = len({question.language for question in QUESTIONS})
    print(
        f"\n{len(QUESTIONS)} questions in {languages} languages, {chosen.size:,} conversations:\n"
    )
    print("| who answers | upstream | right | calls, median | tokens, median | tokens, all |")
    print("|---|---|---|---|---|---|", *lines, sep="\n")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
