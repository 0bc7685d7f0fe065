"""Each `convocore-mcp` command that a page names runs; first those of docs/commands.md."""

import re
import shlex
import signal
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from convocore_mcp.sandbox import Sandbox, serving
from tests.cli.command_line import CommandLine
from tests.cli.keyrings import keyring_in
from tests.pages.documented import COMMANDS, PAGES, documented, program_of
from tests.process_environment import TIMEOUT_SECONDS
from tests.warm_process import WarmProgram
from tests.web.web_server import TOKEN, RunningServer, wait_until

PAGE = "docs/commands.md"
IN_A_SHELL = {documented("convocore-mcp --install-completion")}
"""Tried by tests/cli/test_command_line.py: it asks in which shell it runs."""
TESTED_COMMANDS = [
    command
    for command in dict.fromkeys(chain(COMMANDS[PAGE], *COMMANDS.values()))
    if program_of(command) == "convocore-mcp" and command not in IN_A_SHELL
]
PLACEHOLDERS = {
    "CLIENT": "cursor",
    "COMMAND": "export",
    "TOOL": "list_leads",
    "key=value": "limit=1",
    "stdio|http|sse": "sse",
}
"""What a page says in place of a word, and one such word."""
NEED_ARGUMENTS = {"ask", "install"}
"""Commands that a sentence names without what they need: their help is shown."""
SMALL_SIZES = {"demo": ["--size", "60"]}
LINK = re.compile(r"^  (http://127\.0\.0\.1:\d+)/\S+$", re.M)


def words_of(command: str) -> list[str]:
    """What follows the program's name, with a real word for each placeholder."""
    words = shlex.split(command.partition("convocore-mcp ")[2])
    return [PLACEHOLDERS.get(word, word) for word in words]


_BY_WORDS = {tuple(words_of(line)): line for line in reversed(TESTED_COMMANDS)}
DISTINCT_COMMANDS = [line for line in TESTED_COMMANDS if line in _BY_WORDS.values()]
SERVING_COMMANDS = [
    line for line in DISTINCT_COMMANDS if words_of(line)[0] in {"board", "sandbox", "serve"}
]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    home = tmp_path_factory.mktemp("home")
    sandbox = Sandbox(size=60)
    with keyring_in(home), serving(sandbox) as url:
        yield CommandLine(home, sandbox, url)


@pytest.mark.parametrize(
    "line", [line for line in DISTINCT_COMMANDS if line not in SERVING_COMMANDS]
)
def test_a_command_line_of_the_page_runs(
    commands: CommandLine, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/commands.md, "Commands"."""
    monkeypatch.chdir(commands.home)
    name, *arguments = words_of(line)
    if not arguments:
        arguments = ["-h"] if name in NEED_ARGUMENTS else SMALL_SIZES.get(name, [])
    if name == "forget":
        commands.run_ok("sync")
        arguments = [
            next(row["userEmail"] for row in commands.sandbox.rows() if "userEmail" in row)
        ]
    done = commands.run(name, *arguments, answer="y\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout or "-o" in arguments
    if "-o" in arguments:
        assert Path(arguments[arguments.index("-o") + 1]).stat().st_size > 0
    if line == "convocore-mcp demo --size 400":
        shows_every_tool(done.stdout)


@pytest.mark.parametrize("line", SERVING_COMMANDS)
def test_a_server_that_a_page_names_runs_until_ctrl_c(
    commands: CommandLine, line: str, tmp_path: Path
) -> None:
    """Promised by docs/commands.md, "Everywhere". Over stdio it ends with its input."""
    output = tmp_path / "output"
    output.touch()
    name, *arguments = words_of(line)
    free = [] if name == "serve" and "--transport" not in arguments else ["--port", "0"]
    more = ["--no-open"] if name == "board" else []
    settings = {"CONVOCORE_MCP_TOKENS": TOKEN, "CONVOCORE_LOG_LEVEL": "info"}
    process = WarmProgram(
        [name, *arguments, *free, *more], env=commands.env | settings, stdout=output, stderr=output
    )
    if "--transport" in arguments:
        RunningServer(process, output).stop(signal.SIGINT)
    elif name == "board":
        wait_until(lambda: LINK.search(output.read_text()), process)
        process.send_signal(signal.SIGINT)
    elif name == "sandbox":
        wait_until(lambda: "Ctrl+C stops it" in output.read_text(), process)
        process.send_signal(signal.SIGINT)
    returncode = process.wait(TIMEOUT_SECONDS)
    assert "Traceback" not in output.read_text()
    assert "127.0.0.1:0/" not in output.read_text()  # but the port that was free
    assert returncode == (130 if name == "sandbox" else 0)


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
    for client, where in re.findall(r"^\| `([\w-]+)` \| `([^`]+)`", PAGES[PAGE], re.M):
        done = commands.run("install", client, "--print")
        assert where in done.stderr
