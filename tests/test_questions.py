"""The evaluation in `benchmarks/questions`: every question right, and none over its budget."""

import ast
import statistics
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks.questions import QUESTIONS, QUIET, plain
from benchmarks.questions.peers import generated, generated_pages, raw_pages, read
from benchmarks.questions.running import Asked, ask_ours, now
from benchmarks.questions.world import World
from convocore_mcp.sandbox import Sandbox, serving

TOOLS = {
    "list_conversations", "get_lead", "summarize_hot_leads", "conversation_stats", "list_changes",
}  # fmt: skip


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def asked() -> AsyncIterator[list[Asked]]:
    sandbox = Sandbox()
    with serving(sandbox) as base_url:
        yield await ask_ours(sandbox, base_url)


async def test_every_question_is_answered_right_and_within_its_budget(asked: list[Asked]) -> None:
    """Promised by the README."""
    wrong = [(one.question.words, one.said, one.truth) for one in asked if not one.right]
    dear = [(one.question.words, one.calls, one.tokens) for one in asked if not one.within]

    assert wrong == []
    assert dear == []
    # Right must not mean that there was nothing to find: only nothing was deleted.
    assert sum(not one.truth for one in asked) == 1


async def test_most_questions_take_one_call_and_few_tokens(asked: list[Asked]) -> None:
    """Promised by the README."""
    assert statistics.median(one.calls for one in asked) <= 1
    assert statistics.median(one.tokens for one in asked) <= 800


def test_the_questions_are_many_in_many_languages_about_all_tools() -> None:
    """Asked for by the project."""
    assert len(QUESTIONS) == len({question.words for question in QUESTIONS}) >= 60
    assert {question.language for question in QUESTIONS} >= {
        "en", "de", "es", "fr", "pt", "ar", "zh",
    }  # fmt: skip
    assert {tool for question in QUESTIONS for tool, _ in question.calls} == TOOLS


def test_the_truth_is_worked_out_without_the_product() -> None:
    """Promised by `plain`: sharing code would share its mistakes."""
    for module in Path(plain.__file__).parent.glob("*.py"):
        tree = ast.parse(module.read_text())
        imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
        ours = [ast.unparse(found) for found in imports if "convocore_mcp" in ast.unparse(found)]

        assert all("from convocore_mcp.sandbox" in found for found in ours), module.name


async def test_a_generated_server_is_refused_where_answers_are_live() -> None:
    """Observed: the envelope has fields that the OpenAPI document forbids."""
    live, documented = Sandbox(size=150), Sandbox(size=150, dialect="page")
    with serving(live) as base_url:
        async with generated(live, base_url) as server:
            refused = await generated_pages(server, live.agent_id, checked=True)
            unchecked = await generated_pages(server, live.agent_id, checked=False)
        raw = await raw_pages(live, base_url)
    with serving(documented) as base_url:
        async with generated(documented, base_url) as server:
            pages = await generated_pages(server, documented.agent_id, checked=True)

    assert [page.rows for page in refused] == [[]]
    assert [bool(page.rows) for page in unchecked] == [True, False]
    assert sum(len(page.rows) for page in raw) == len(list(live.rows()))
    assert sum(len(page.rows) for page in pages) == len(list(documented.rows()))


async def test_a_reader_of_pages_stops_where_the_facts_are_right() -> None:
    """Promised by `peers`: they are let off as lightly as can be."""
    sandbox = Sandbox(size=150)
    with serving(sandbox) as base_url:
        pages = await raw_pages(sandbox, base_url)
    world = World.of(list(sandbox.rows()), now())

    found = read(QUIET, world, pages)

    assert all(one.right for one in found)
    assert {one.calls for one in found} > {1, len(pages)}
    for one in found:
        assert one.tokens == sum(page.tokens for page in pages[: one.calls])
