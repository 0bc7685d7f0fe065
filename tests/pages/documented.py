"""The commands that the pages name, read out of their Markdown, and the tests that run them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt

from convocore_mcp.cli.commands import app

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (
        ROOT / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "packaging").rglob("*.md")),
    )
}
OURS = {
    command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands
}
"""Commands of `convocore-mcp`; some pages leave that word out."""
PROGRAMS = {
    "apt", "apt-get", "autocannon", "bash", "brew", "cat", "cd", "claude", "cmd", "code", "codex",
    "convocore-mcp", "cp", "createdb", "cron", "crontab", "curl", "cursor", "docker", "du",
    "fuser", "gemini", "gh", "git", "hadolint", "kill", "kubectl", "launchctl", "lint-imports",
    "lsof", "make", "mcpb", "mkdir", "mv", "mypy", "node", "npm", "npx", "oha", "openssl", "pip",
    "pip-audit", "pipx", "podman", "powershell", "psql", "pytest", "python", "python3", "rm",
    "ruff", "sh", "sqlite3", "sudo", "systemctl", "tdqs", "uv", "uvx", "ulimit", "which", "winget",
    "wrk",
}  # fmt: skip
"""What makes a text in backticks a command, if something follows. All lines of `sh` are."""
_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?([\w.-]+) \S")
_MARKDOWN = MarkdownIt("commonmark").enable("table")


def program_of(line: str) -> str:
    """The program that a command line starts, or nothing if it is no command line."""
    found = _COMMAND.match(line)
    return found[1] if found and found[1] in PROGRAMS else ""


def commands_of(page: str) -> Iterator[str]:
    """The commands of a page: lines of `sh`, and what is in backticks or another block."""
    for token in _MARKDOWN.parse(page):
        if token.type == "fence":
            is_shell = token.info == "sh"
            for line in token.content.replace("\\\n", " ").splitlines():
                command = " ".join(re.sub(r"\s#.*", "", line).split())
                if command and (is_shell or program_of(command)):
                    yield command
        for child in token.children or ():
            if child.type == "code_inline":
                name, *options = child.content.split(maxsplit=1)
                if name in OURS and "".join(options).startswith("-"):
                    yield f"convocore-mcp {child.content}"
                elif program_of(child.content):
                    yield child.content


COMMANDS = {name: list(dict.fromkeys(commands_of(page))) for name, page in PAGES.items()}
"""By page, in its order."""


def documented(command: str) -> str:
    """A command as a page has it. A test that runs it takes it from here, to the letter."""
    assert any(command in commands for commands in COMMANDS.values()), f"no page names: {command}"
    return command


def commands_run_by_tests() -> set[str]:
    """What tests take by `documented`."""
    return {
        node.args[0].value
        for module in (ROOT / "tests").rglob("*.py")
        if "documented(" in (source := module.read_text())
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "documented"
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }
