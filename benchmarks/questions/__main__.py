"""How well questions are answered, and what the answers cost, beside the same without us.

    python -m benchmarks.questions [--size 2000] [--verbose]

Runs against the sandbox in both dialects; ends with 1 if an answer is wrong or over its budget.
Needs the extra `test`.
"""

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence

from benchmarks.questions import QUESTIONS
from benchmarks.questions.asking import Question
from benchmarks.questions.peers import generated, generated_pages, raw_pages, read
from benchmarks.questions.running import Asked, ask_ours
from benchmarks.questions.world import World
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.sandbox.server.app import Dialect

DIALECTS: dict[Dialect, str] = {"cursor": "live (cursors)", "page": "as documented (page numbers)"}
OURS, RAW = "convocore-mcp", "raw pages, passed through"
GENERATED = "FastMCP from `openapi.yaml`"
UNCHECKED = f"{GENERATED}, client that doesn't check answers"


async def contest(dialect: Dialect, size: int) -> dict[str, list[Asked]]:
    """Ask everybody everything: who, and how it went."""
    found: dict[str, list[Asked]] = {name: [] for name in (OURS, RAW, GENERATED, UNCHECKED)}
    sandbox = Sandbox(size=size, dialect=dialect)
    with serving(sandbox) as base_url:

        async def peers(questions: Sequence[Question], world: World) -> None:
            found[RAW] += read(questions, world, await raw_pages(sandbox, base_url))
            async with generated(sandbox, base_url) as server:
                pages = await generated_pages(server, sandbox.agent_id, checked=True)
                found[GENERATED] += read(questions, world, pages)
                if not any(page.rows for page in pages):
                    pages = await generated_pages(server, sandbox.agent_id, checked=False)
                    found[UNCHECKED] += read(questions, world, pages)

        found[OURS] = await ask_ours(sandbox, base_url, peers)
    return found


def line(who: str, upstream: str, asked: Sequence[Asked]) -> str:
    """A row of the table."""
    right = sum(one.right for one in asked)
    calls = statistics.median(one.calls for one in asked)
    middle = statistics.median(one.tokens for one in asked)
    every = sum(one.tokens for one in asked)
    return (
        f"| {who} | {upstream} | {right} of {len(asked)} | {calls:g} | {middle:,.0f} | {every:,} |"
    )


def complaints(asked: Sequence[Asked], *, verbose: bool) -> list[str]:
    """What is wrong or over budget, printed; with `verbose` all questions are."""
    bad = []
    for one in asked:
        verdict = "wrong" if not one.right else "ok" if one.within else "over budget"
        if verdict != "ok":
            bad.append(one.question.words)
        if verbose or verdict != "ok":
            cost = f"{one.calls} calls, {one.tokens:,} of {one.question.tokens:,} tokens"
            print(f"{verdict:>11}  {cost:36}  [{one.question.language}] {one.question.words}")
        if verdict == "wrong":
            print(f"{'':13}said  {one.said}\n{'':13}truth {one.truth}")
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
        found = asyncio.run(contest(dialect, chosen.size))
        bad += complaints(found[OURS], verbose=chosen.verbose)
        lines += [line(who, upstream, asked) for who, asked in found.items() if asked]
    languages = len({question.language for question in QUESTIONS})
    print(
        f"\n{len(QUESTIONS)} questions in {languages} languages, {chosen.size:,} conversations:\n"
    )
    print("| who answers | upstream | right | calls, median | tokens, median | tokens, all |")
    print("|---|---|---|---|---|---|", *lines, sep="\n")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
