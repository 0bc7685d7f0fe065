"""Docstrings and comments cite pages that everybody can open: each citation resolves.

A citation names a page of this repository and one of its headings: docs/contract.md, "Tools".
"""

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

from tests.test_layout import MODULES, TESTS

ROOT = Path(__file__).parent.parent
PAGE = re.compile(r"docs/([\w-]+\.md)")
CITATION = re.compile(r"docs/([\w-]+\.md), \"([^\"]+)\"")
ELSEWHERE = re.compile(
    r"(?<![\w/])(?:contract|design|style|observed|upstream)\.md"
    r"|\b(?:the|first|this|by) issue\b|\bissue \d"
    r"|\b(?:by|in|of) the (?:contract|design)\b|[Aa]sked for by"
)
"""What stands outside this repository: pages without a folder, and numbered issues."""
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
"""A test as docs/guarantees.md names it."""

CONTRACT = ROOT / "docs" / "contract.md"
ANCHOR = re.compile(r'<a id="([\w-]+)"></a>')
HELD = re.compile(r"docs/contract\.md((?: #[\w-]+)+)")
"""The sentences that a test holds, by their anchors: docs/contract.md #cited."""
_SENTENCE_END = re.compile(r"[.!?:](?=\s+[A-Z*`\"(])")


@cache
def docstrings_and_comments(module: str) -> dict[int, str]:
    """The docstrings and comments of a module, by line, each with its lines joined.

    Strings that stand alone, as beneath a constant, count as docstrings.
    """
    source = (ROOT / module).read_text()
    texts = {
        node.lineno: node.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    begun, before = 0, -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line = token.start[0]
            begun, before = (begun if line == before + 1 else line), line
            comment = token.string.lstrip("# ")
            texts[begun] = f"{texts[begun]} {comment}" if begun in texts else comment
    return {line: " ".join(text.split()) for line, text in texts.items()}


@cache
def headings(page: Path) -> set[str]:
    """The headings of a page, of every level."""
    return set(re.findall(r"^#+ (.+?)$", page.read_text(), re.M))


def unresolved(text: str) -> list[str]:
    """The citations in `text` that lead nowhere."""
    wrong = [
        f"docs/{name} does not exist"
        for name in PAGE.findall(text)
        if not (ROOT / "docs" / name).exists()
    ]
    for name, heading in CITATION.findall(text):
        page = ROOT / "docs" / name
        if page.exists() and heading not in headings(page):
            wrong.append(f'docs/{name} has no heading "{heading}"')
    return wrong


def test_every_citation_leads_to_a_page_and_a_heading() -> None:
    """Promised by docs/architecture.md, "Code style"."""
    wrong = {
        f"{module}:{line}": found
        for module in MODULES
        for line, text in docstrings_and_comments(module).items()
        if (found := unresolved(text))
    }

    assert wrong == {}


def test_nothing_cites_what_stands_outside_the_repository() -> None:
    """Promised by docs/architecture.md, "Code style"."""
    private = {
        f"{module}:{line}": found[0]
        for module in MODULES
        for line, text in docstrings_and_comments(module).items()
        if (found := ELSEWHERE.findall(text))
    }

    assert private == {}


def rows_without_their_tests(page: str) -> list[str]:
    """The rows of a table of guarantees that name no test, or one that does not exist."""
    wrong = []
    for row in re.findall(r"^\| (?!promise \|).+$", page, re.M):
        *promises, tests = row.strip("| ").split(" | ")
        named = NAMED_TEST.findall(tests)
        if len(promises) != 1 or not named or not all(is_test(*test) for test in named):
            wrong.append(row)
    return wrong


def is_test(module: str, name: str) -> bool:
    """Whether a module has a test of this name."""
    path = ROOT / module
    found = rf"^(?:async )?def {re.escape(name)}\("
    return (
        path.exists()
        and name.startswith("test_")
        and bool(re.search(found, path.read_text(), re.M))
    )


def test_every_guarantee_names_the_test_that_holds_it() -> None:
    """Promised by docs/guarantees.md, "Guarantees"."""
    assert rows_without_their_tests((ROOT / "docs/guarantees.md").read_text()) == []


def held_by_tests() -> set[str]:
    """The anchors of docs/contract.md that the docstrings of tests cite."""
    texts = (text for module in TESTS for text in docstrings_and_comments(module).values())
    cited = (found for text in texts for found in HELD.findall(text))
    return {anchor.removeprefix("#") for anchors in cited for anchor in anchors.split()}


def without_an_anchor(page: str) -> list[str]:
    """The sentences of a page, outside of its tables, that do not end in an anchor of their own."""
    wrong = []
    for block in re.split(r"\n\s*\n|\n(?=- )", page):
        if block.lstrip().startswith(("#", "|")):
            continue
        text = " ".join(block.split())
        parts = ANCHOR.split(text)[::2]  # what stands before, between and behind the anchors
        plain = [re.sub(r"`[^`]*`|\*\*[^*]*\*\*|\([^()]*\)", "x", part) for part in parts]
        wrong += [part for part in plain if _SENTENCE_END.search(part.strip(" -.")) or part == text]
        wrong += [parts[-1]] * bool(parts[-1].strip(" ."))
    return wrong


def test_each_sentence_of_the_contract_is_cited_by_a_test() -> None:
    """Promised by docs/contract.md, "What clients see".

    Holds docs/contract.md #cited.
    """
    page = CONTRACT.read_text()
    anchors = ANCHOR.findall(page)
    assert without_an_anchor(page) == []
    assert len(anchors) == len(set(anchors))
    assert set(anchors) - held_by_tests() == set()
    assert held_by_tests() - set(anchors) == set()
    for title in ("Resources", "Prompts"):
        table = page.split(f"## {title}")[1].split("|---|")[1].split("\n\n")[0]
        assert all(ANCHOR.search(row) for row in table.splitlines()[1:])


def test_the_checks_see_what_they_should() -> None:
    """Ours: a check that finds nothing checks nothing."""
    assert unresolved('Promised by docs/contract.md, "Tools".') == []
    assert unresolved('Promised by docs/contract.md, "Nothing of the kind".') != []
    assert unresolved("See docs/missing.md.") != []
    for text in (
        "Promised by contract.md: brief", "`design.md`", "Promised by issue 5", "by the issue",
        "Promised by the contract", "Asked for by the project", "the first issue",
    ):  # fmt: skip
        assert ELSEWHERE.search(text), text
    for text in ('docs/contract.md, "Tools"', "keys of the issuer", "issued at"):
        assert not ELSEWHERE.search(text), text
    anchor = '<a id="x"></a>'
    assert without_an_anchor(f"# H\n\nA `b. C` d.{anchor}\n\n- B, e.g. c.{anchor} D.{anchor}") == []
    for page in ("A.", f"A. B.{anchor}", f"A.{anchor} B.", f"- A.{anchor}\n- B."):
        assert without_an_anchor(page) != [], page
    assert HELD.findall("Holds docs/contract.md #a-b #c.") == [" #a-b #c"]
    here = "`tests/test_citations.py::test_the_checks_see_what_they_should`"
    assert rows_without_their_tests(f"| promise | tests |\n|---|---|\n| a | {here}, {here} |") == []
    for row in (
        "| a | |", "| a | x |", f"| {here} |", f"| a | b | {here} |",
        "| a | `tests/missing.py::test_a` |", "| a | `tests/test_citations.py::test_missing` |",
    ):  # fmt: skip
        assert rows_without_their_tests(row) == [row]
