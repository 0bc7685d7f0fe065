"""The layout of the code, held by tests (docs/architecture.md, "Code style")."""

import ast
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAX_MODULE_LINES, MAX_FUNCTION_STATEMENT_LINES, MAX_FOLDER_MODULES = 300, 40, 12
CEILINGS = {
    "function-level imports": 1,
    "uses of Any": 101,
    "uses of Any in server and leads": 14,
}
"""Numbers that may only fall: lower a ceiling whenever the count has fallen."""
GRAB_BAGS = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
TOP = {
    "pyproject.toml", "convocore_mcp", "tests", "benchmarks", "docs", "packaging", "README.md",
    "mcp.json.example", "LICENSE", "CHANGELOG.md",
}  # fmt: skip
LONGER = {
    "convocore_mcp/api/parsing/conversation_model.py": {"to_model"},  # one line for each field
}
"""Functions that are longer, each with its reason."""
COUNTERPARTS = {"convocore_mcp/server/tools", "convocore_mcp/server/answers"}
"""Two folders whose modules share names: a tool is declared in one and answered in the other."""
SLEEPS = {
    "tests/api/test_pagination.py": 1,  # a slow upstream
    "tests/interop/conftest.py": 1,  # polls until a server of another language listens
    "tests/sync/test_resuming.py": 1,  # polls until another process has read enough to be killed
    "tests/sync/test_prefetch.py": 1,  # a slow database
    "tests/sync/test_sync_locks.py": 1,  # holds a lock in a thread
    "tests/web/web_server.py": 1,  # polls until the server listens
}
"""Timed sleeps in tests, by module, with the reason. Waiting for an event is better."""
HTTPX = {
    "convocore_mcp/api/client.py",
    "convocore_mcp/api/connection/http_connection.py",
    "convocore_mcp/web/access/issuer_documents.py",
}
"""What sends requests: to Convocore (and opens the connection for that), and to an OAuth issuer."""
HEAVY = (
    "keyring", "sqlalchemy", "httpx", "phonenumbers", "rapidfuzz", "truststore", "typer", "rich",
    "pydantic_settings", "platformdirs", "stamina", "jwt", "prometheus_client",
    "opentelemetry.sdk", "convocore_mcp.web", "convocore_mcp.models", "convocore_mcp.leads",
    "convocore_mcp.server.views.view_builders",
)  # fmt: skip
"""What plain serving must not import before the first question."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


def tracked() -> list[str]:
    """The files of the repository, committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [name for name in listed.splitlines() if (ROOT / name).exists()]


MODULES = [name for name in tracked() if name.endswith(".py")]
PACKAGE = [name for name in MODULES if name.startswith("convocore_mcp/")]
TESTS = [name for name in MODULES if name.startswith("tests/")]


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text())


def functions(tree: ast.AST) -> Iterator[Function]:
    return (n for n in ast.walk(tree) if isinstance(n, Function))


def imported(tree: ast.AST) -> set[str]:
    """The top-level names of everything that is imported absolutely."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def statement_lines(function: Function) -> int:
    """Lines from the first statement to the last: signature and docstring do not count."""
    has_docstring = ast.get_docstring(function) is not None and len(function.body) > 1
    return (function.end_lineno or 0) - function.body[has_docstring].lineno + 1


def late_imports(tree: ast.AST) -> int:
    """Imports that stand in functions."""
    found = {
        node.lineno
        for function in functions(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    return len(found)


def uses_of_any(tree: ast.AST) -> int:
    """`Any` as a name, also in annotations that are written as strings."""
    count = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            count += node.id == "Any"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            is_annotation = re.fullmatch(r"[\w.]+\[.*\]", node.value) is not None
            count += len(re.findall(r"\bAny\b", node.value)) if is_annotation else 0
    return count


def timed_sleeps(tree: ast.AST) -> int:
    """Calls of a `sleep` for some time: `sleep(0)` only lets other tasks run."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return sum(
        ast.unparse(call.func) in {"time.sleep", "asyncio.sleep", "anyio.sleep", "sleep"}
        and [ast.unparse(argument) for argument in call.args] != ["0"]
        for call in calls
    )


def test_a_module_and_its_functions_can_be_read_at_a_sitting() -> None:
    """Promised by docs/architecture.md, "Code style": 300 lines a module, 40 a function."""
    lines = {module: len((ROOT / module).read_text().splitlines()) for module in PACKAGE}
    assert {module: count for module, count in lines.items() if count > MAX_MODULE_LINES} == {}
    long = {
        f"{module}::{function.name}"
        for module in PACKAGE
        for function in functions(parsed(module))
        if statement_lines(function) > MAX_FUNCTION_STATEMENT_LINES
        and function.name not in LONGER.get(module, set())
    }
    assert long == set()


def test_a_folder_holds_at_most_a_dozen_modules() -> None:
    """Promised by docs/architecture.md, "Code style"."""
    sizes = Counter(str(Path(m).parent) for m in PACKAGE if Path(m).name != "__init__.py")
    large = {folder: size for folder, size in sizes.items() if size > MAX_FOLDER_MODULES}
    assert large == {}


def test_no_two_folders_have_a_module_of_the_same_name() -> None:
    """Promised by docs/architecture.md, "Code style"; a tool and its answer share theirs."""
    folders = defaultdict(set)
    for module in map(Path, PACKAGE):
        if not module.name.startswith("__"):
            folders[module.stem].add(str(module.parent))
    shared = {name for name, where in folders.items() if len(where) > 1 and where != COUNTERPARTS}
    assert shared == set()


def test_no_module_is_a_grab_bag() -> None:
    """Promised by docs/architecture.md, "Code style"."""
    parts = {part for name in MODULES for part in Path(name).with_suffix("").parts}
    assert parts & GRAB_BAGS == set()


def test_every_module_says_what_it_is() -> None:
    """Promised by docs/architecture.md, "Code style"."""
    assert [name for name in PACKAGE if not ast.get_docstring(parsed(name))] == []


@pytest.mark.parametrize("what", CEILINGS)
def test_what_should_disappear_does_not_grow(what: str) -> None:
    """Promised by docs/architecture.md, "Code style": these counts may only fall."""
    rooms = ("convocore_mcp/server/", "convocore_mcp/leads/")
    modules = [m for m in PACKAGE if not what.endswith("server and leads") or m.startswith(rooms)]
    count = late_imports if what == "function-level imports" else uses_of_any
    counts = {module: found for module in modules if (found := count(parsed(module)))}
    assert sum(counts.values()) <= CEILINGS[what], counts


def test_the_counts_see_what_they_should() -> None:
    """Ours: a check that finds nothing checks nothing."""
    tree = ast.parse(
        "import a\n"
        "x: Any = 1\n"
        "y: 'dict[str, Any]' = {}\n"
        "def f():\n import b\n from c import Any\n time.sleep(1); sleep(0); anyio.sleep(x)\n"
    )
    assert (late_imports(tree), uses_of_any(tree), timed_sleeps(tree)) == (2, 2, 2)


def test_tests_wait_for_events_and_not_for_clocks() -> None:
    """Promised by docs/architecture.md, "Code style"; each exception has its reason."""
    found = {module: count for module in TESTS if (count := timed_sleeps(parsed(module)))}
    assert found.items() <= SLEEPS.items()


def test_the_top_of_the_repository_holds_only_what_belongs_there() -> None:
    """Ours: files that begin with a dot are settings of tools."""
    top = {name.partition("/")[0] for name in tracked()}
    assert {name for name in top if not name.startswith(".")} <= TOP


def test_only_what_sends_requests_names_the_http_library() -> None:
    """Promised by docs/architecture.md, "The layers": `api` alone sends requests to Convocore."""
    naming = {name for name in PACKAGE if "httpx" in imported(parsed(name))}
    assert naming <= HTTPX or all(name.startswith("convocore_mcp/cli") for name in naming - HTTPX)


def test_starting_imports_nothing_heavy() -> None:
    """Promised by docs/architecture.md, "Serving"."""
    program = (
        "import sys, anyio\n"
        "anyio.run = lambda *served: None\n"
        "from convocore_mcp.cli.main import main\n"
        "main()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_nothing_prints_where_the_protocol_speaks() -> None:
    """Promised by docs/architecture.md, "Serving": stdout belongs to the protocol."""
    rooms = ("server", "api", "store", "sync", "leads")
    printing = [
        name
        for name in PACKAGE
        if name.split("/")[1] in rooms
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert printing == []


RUNS_CODE = {"eval", "exec", "compile", "__import__"}
CODE_LOADERS = {"pickle", "marshal", "shelve", "dill", "subprocess", "pty", "code", "runpy"}


def code_that_is_run(tree: ast.AST) -> set[str]:
    """What runs or loads code that comes as data: calls, imports and shells."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    found = {c.func.id for c in calls if isinstance(c.func, ast.Name)} & RUNS_CODE
    attributes = (n for n in ast.walk(tree) if isinstance(n, ast.Attribute))
    of_os = {n.attr for n in attributes if isinstance(n.value, ast.Name) and n.value.id == "os"}
    shells = {k.arg for k in ast.walk(tree) if isinstance(k, ast.keyword) and k.arg == "shell"}
    return found | (imported(tree) & CODE_LOADERS) | (of_os & {"system", "popen"}) | shells


def test_the_package_runs_no_code_that_it_was_given() -> None:
    """Promised by docs/security.md, "Supply chain"."""
    found = {module: code_that_is_run(parsed(module)) for module in PACKAGE}
    assert {module: code for module, code in found.items() if code} == {}


@pytest.mark.parametrize(
    "text",
    ["eval(x)", "exec(x)", "import pickle", "from pickle import loads", "os.system(x)",
     "run(x, shell=True)", "import subprocess"],
)  # fmt: skip
def test_code_that_is_run_is_found(text: str) -> None:
    """Ours: a check that finds nothing checks nothing."""
    assert code_that_is_run(ast.parse(text))
