"""Whatever leaves the program passes the one place: found by walking the code, not by a list."""

import ast
import importlib
import inspect
import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import mcp_types
import starlette.responses
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel
from rich.text import Text

from convocore_mcp.server.mcp.prompts import PROMPTS
from convocore_mcp.server.mcp.resources import RESOURCES, TEMPLATES
from convocore_mcp.server.rendering import SafeText
from convocore_mcp.server.tools import TOOLS

PACKAGE = Path(__file__).parents[2] / "convocore_mcp"
MODULES = [p for p in PACKAGE.rglob("*.py") if "sandbox" not in p.relative_to(PACKAGE).parts]
"""The sandbox sends nothing to a client, and shares no code with the program."""
RENDERING = "server/rendering.py"
WITHOUT_TEXT = {mcp_types.EmptyResult, mcp_types.ListResourcesResult}
"""The one has no text of its own, the other holds what `rendering` made."""


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@cache
def calls(path: Path) -> list[tuple[str, object]]:
    """Every name that a module calls or raises, as it is written, with the object if known."""
    tree = ast.parse(path.read_text())
    known: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module not in {None, "_typeshed"}:
            module = importlib.import_module(node.module or "")
            known |= {a.asname or a.name: getattr(module, a.name, None) for a in node.names}
    called = [written(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [(name, known.get(name)) for name in called]


def written(function: ast.expr) -> str:
    """The dotted name of what is called; of the result of a call, only the last part."""
    if isinstance(function, ast.Name):
        return function.id
    return (
        f"{written(function.value)}.{function.attr}" if isinstance(function, ast.Attribute) else ""
    )


def written_by_exits(path: Path) -> list[str]:
    """The calls of a module that end the process with anything but an exit code: it is written."""
    ends = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and written(node.func) in {"sys.exit", "SystemExit"}
    ]
    return [ast.unparse(end) for end in ends if not all(map(is_number, end.args))]


def is_number(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Constant) and isinstance(argument.value, int)


def is_sent(thing: object) -> bool:
    """Whether it is what an MCP client receives: a result, a part of one, or an error."""
    if not isinstance(thing, type) or thing in WITHOUT_TEXT:
        return False
    if issubclass(thing, BaseException):
        return issubclass(thing, MCPError) or thing.__module__.startswith("mcp.server")
    parts = (mcp_types.Result, mcp_types.Resource, mcp_types.Completion, mcp_types.ErrorData)
    contents = (*get_args(mcp_types.ContentBlock), mcp_types.ResourceContents)
    return issubclass(thing, BaseModel) and issubclass(thing, (*parts, *contents))


def makers(wanted: Callable[[str, object], bool]) -> set[str]:
    """The modules that call something of the kind `wanted`."""
    return {name_of(p) for p in MODULES for name, thing in calls(p) if wanted(name, thing)}


def test_one_module_makes_what_a_client_receives() -> None:
    """Promised by docs/architecture.md, "Untrusted text"."""
    assert makers(lambda _, thing: is_sent(thing)) == {RENDERING}
    assert makers(lambda name, _: name == "SafeText") == {RENDERING}


def test_every_tool_resource_and_prompt_returns_what_only_that_module_makes() -> None:
    """Promised by docs/architecture.md, "Untrusted text": the types say it, and mypy checks."""
    for fn, _ in TOOLS:
        returned, *_ = get_args(get_type_hints(fn, include_extras=True)["return"])
        assert returned is mcp_types.CallToolResult
    resources = [fn for _, fn, _, _ in [*RESOURCES, *TEMPLATES]]
    for answer in [*resources, *(fn for fn, _ in PROMPTS)]:
        assert get_type_hints(answer)["return"] is SafeText, answer


def test_one_module_makes_http_responses() -> None:
    """Promised by docs/architecture.md, "Untrusted text"."""
    classes = inspect.getmembers(starlette.responses, inspect.isclass)
    kinds = {c for _, c in classes if c.__module__ == "starlette.responses"}
    made = makers(lambda _, thing: thing in kinds)
    assert made == {"web/sanitized_responses.py"}


def test_one_module_writes_to_a_terminal() -> None:
    """Promised by docs/architecture.md, "Untrusted text"."""
    writing = {"print", "typer.echo", "typer.secho", "typer.confirm", "typer.prompt"}
    ends = (".console.print", "console.print", "stdout.write", "stderr.write")
    made = makers(lambda name, thing: name in writing or name.endswith(ends) or thing is Text)
    assert made == {"cli/terminal.py"}
    assert {name_of(p): written for p in MODULES if (written := written_by_exits(p))} == {}


def test_one_module_writes_log_lines() -> None:
    """Promised by docs/architecture.md, "Untrusted text"."""
    logging_classes = {c for _, c in inspect.getmembers(logging, inspect.isclass)}
    own = {"logging.basicConfig", "logging.StreamHandler", "logging.FileHandler"}
    made = makers(lambda name, thing: name in own or thing in logging_classes)
    assert made == {"logs.py"}


def test_the_walk_sees_what_it_should(tmp_path: Path) -> None:
    """Ours: a check that finds nothing checks nothing."""
    module = tmp_path / "m.py"
    module.write_text(
        "import sys\nsys.exit('x')\nsys.exit(1)\nsys.exit(f())\n"
        "from mcp_types import CallToolResult, EmptyResult\n"
        "from mcp.server.mcpserver.exceptions import ResourceError\n"
        "def f():\n    EmptyResult()\n    CallToolResult(content=[])\n"
        "    raise ResourceError('x')\n"
    )
    assert [name for name, thing in calls(module) if is_sent(thing)] == [
        "CallToolResult", "ResourceError",
    ]  # fmt: skip
    assert written_by_exits(module) == ["sys.exit('x')", "sys.exit(f())"]
