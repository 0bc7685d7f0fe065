"""Each command line of docs/commands.md runs, in the order in which the page has them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from convocore_mcp.sandbox import Sandbox, serving
from tests.cli.command_line import CommandLine
from tests.cli.keyrings import keyring_in

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
LINES = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    home = tmp_path_factory.mktemp("home")
    sandbox = Sandbox(size=60)
    with keyring_in(home), serving(sandbox) as url:
        yield CommandLine(home, sandbox, url)


@pytest.mark.parametrize("line", LINES)
def test_a_command_line_of_the_page_runs(
    commands: CommandLine, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/commands.md, "Commands"."""
    monkeypatch.chdir(commands.home)
    program, *arguments = shlex.split(line)
    assert program == "convocore-mcp"
    done = commands.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout or "-o" in arguments
    if "-o" in arguments:
        assert Path(arguments[arguments.index("-o") + 1]).stat().st_size > 0
    if arguments[0] == "demo":
        shows_every_tool(done.stdout)


def shows_every_tool(shown: str) -> None:
    """The demo asks each tool, names people, and ends with how to connect a client."""
    text = " ".join(shown.replace("│", " ").split())
    for tool in (
        "summarize_hot_leads", "list_conversations", "get_lead", "get_conversation", "list_leads",
        "conversation_stats", "list_changes",
    ):  # fmt: skip
        assert f"{tool}(" in text
    assert re.search(r"get_lead\(lead='[^']*[^\W\d][^']*'\)", text)  # by name
    first = shown.split("lead  ", 1)[1].splitlines()[1]
    assert "no name" not in first
    assert "Maria Lopez created" in text
    assert "ago" in text
    assert not re.search(r"\d{4}-\d\d-\d\dT|\b1 (?:leads|deals|turns|days|conversations)\b", text)
    assert "convocore-mcp install claude-desktop --demo" in text


def test_the_page_names_every_client_and_its_file(commands: CommandLine) -> None:
    """Ours: the table in the page is what `install` does."""
    for client, where in re.findall(r"^\| `([\w-]+)` \| `([^`]+)`", PAGE, re.M):
        done = commands.run("install", client, "--print")
        assert where in done.stderr
