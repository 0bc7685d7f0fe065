"""How the code is laid out, so that it stays so (`style.md`)."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_MODULE, LONGEST_FUNCTION = 300, 40
GRAB_BAGS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
TOP = {
    "pyproject.toml", "convocore_mcp", "tests", "benchmarks", "README.md", "mcp.json.example",
    "LICENSE", "CHANGELOG.md",
}  # fmt: skip
LONGER = {
    "convocore_mcp/api/wire.py": {"to_model"},  # one line for each field
}
"""Functions that are longer, each with its reason."""
HTTPX = {"convocore_mcp/api/client.py"}
HEAVY = (
    "sqlalchemy", "httpx", "phonenumbers", "rapidfuzz", "price_parser", "typer", "rich",
    "pydantic_settings", "platformdirs", "stamina", "jwt", "prometheus_client",
    "opentelemetry.sdk", "convocore_mcp.web", "convocore_mcp.models", "convocore_mcp.leads",
    "convocore_mcp.server.views.view_builders",
)  # fmt: skip


def tracked() -> list[str]:
    """What is in the repository, or will be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [name for name in listed.splitlines() if (ROOT / name).exists()]


MODULES = [name for name in tracked() if name.endswith(".py")]
OURS = [name for name in MODULES if name.startswith("convocore_mcp/")]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def statements(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement to the last: what is said of arguments is not code."""
    said = ast.get_docstring(function) is not None and len(function.body) > 1
    return (function.end_lineno or 0) - function.body[said].lineno + 1


@pytest.mark.parametrize("module", OURS)
def test_a_module_and_its_functions_can_be_read_at_a_sitting(module: str) -> None:
    """Promised by style.md: a module holds at most 300 lines, a function at most 40."""
    text = (ROOT / module).read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    found = functions(ast.parse(text))
    long = {function.name for function in found if statements(function) > LONGEST_FUNCTION}
    assert long <= LONGER.get(module, set())


def test_no_module_is_a_grab_bag() -> None:
    """Promised by style.md: a room has one reason to change."""
    assert {
        part for name in MODULES for part in Path(name).with_suffix("").parts
    } & GRAB_BAGS == set()


def test_every_room_says_why_it_is_as_it_is() -> None:
    """Promised by style.md: a room's `__init__.py` docstring says why."""
    silent = [name for name in OURS if not ast.get_docstring(ast.parse((ROOT / name).read_text()))]
    assert silent == []


def test_the_top_of_the_repository_holds_only_what_belongs_there() -> None:
    """Promised by style.md, "Layout"; files that begin with a dot are tools' settings."""
    top = {name.partition("/")[0] for name in tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP


def test_only_the_client_names_the_http_library() -> None:
    """Promised by design.md: `httpx2` comes with `mcp`, so it is named in few files."""
    naming = {name for name in OURS if "httpx" in imported(ast.parse((ROOT / name).read_text()))}
    assert naming <= HTTPX or all(name.startswith("convocore_mcp/cli") for name in naming - HTTPX)


def test_starting_imports_nothing_heavy() -> None:
    """Promised by design.md: what a question needs is imported at the first question."""
    program = (
        "import sys, anyio\n"
        "anyio.run = lambda *served: None\n"
        "from convocore_mcp.cli.main import main\n"
        "main()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_nothing_prints_where_the_protocol_speaks() -> None:
    """Promised by style.md: stdout belongs to the protocol."""
    rooms = ("server", "api", "store", "sync", "leads")
    printing = [
        name
        for name in OURS
        if name.split("/")[1] in rooms
        for node in ast.walk(ast.parse((ROOT / name).read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert printing == []
