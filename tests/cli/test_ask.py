"""`convocore-mcp ask`: one call, exactly as a model sees it."""

import contextvars
import json
import re
from collections.abc import Iterator

import anyio
import pytest
from rich.console import Console

from convocore_mcp.cli.ask.answer_layout import FIRST_OF_A_ROW, answer_layout
from convocore_mcp.cli.terminal import show, write_lines
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.server.tools import TOOLS
from tests.cli.command_line import CommandLine
from tests.text_corpus import ESCAPES
from tests.tool_client import Answer, connected


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    sandbox = Sandbox(size=60)
    with serving(sandbox) as url:
        yield CommandLine(tmp_path_factory.mktemp("home"), sandbox, url)


def test_the_answer_is_what_a_model_gets(commands: CommandLine) -> None:
    """Promised by docs/commands.md, "Ask one question"; a repeated key makes a list."""
    typed = ("stage=new", "stage=won", "sort=-value", "limit=5")
    commands.run_ok("sync")
    answer = json.loads(commands.run_ok("ask", "list_leads", *typed, "--json"))

    async def ask_as_a_model() -> Answer:
        async with connected(commands.sandbox) as model:
            await model.until_complete()
            return await model.ask("list_leads", stage=["new", "won"], sort="-value", limit=5)

    # As for the commands: an asynchronous fixture may have left its mark in the test's context.
    answer_of_tool = contextvars.Context().run(anyio.run, ask_as_a_model)
    for name in ("leads", "total", "excluded"):
        assert answer[name] == answer_of_tool[name]
    assert answer["freshness"]["complete"]


@pytest.mark.parametrize("width", ["60", "100", "300"])
def test_every_value_of_the_answer_is_shown_at_any_width(commands: CommandLine, width: str) -> None:
    """Promised by docs/commands.md, "Ask one question". Nothing is left out to make it fit."""
    typed = ("ask", "list_conversations", "limit=4", "detail=full")
    answer = json.loads(commands.run_ok(*typed, "--json"))
    shown = "".join(commands.run_ok(*typed, COLUMNS=width).split())
    for row in answer["conversations"]:
        for name, value in row.items():
            assert name in shown or name in FIRST_OF_A_ROW
            if isinstance(value, str):
                assert "".join(value.split()) in shown or len(value) > 20
    assert f"total{answer['total']}" in shown


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("list_lead",), "list_leads"),
        (("list_leads", "stagee=new"), "stagee"),
        (("list_leads", "limit=1000"), "limit"),
        (("list_leads", "new"), "key=value"),
        (("get_lead", "lead=nobody-of-this-name"), "nobody-of-this-name"),
    ],
)
def test_an_error_goes_to_stderr_with_exit_code_1(
    commands: CommandLine, typed: tuple[str, ...], message: str
) -> None:
    """Promised by docs/commands.md, "Ask one question"."""
    done = commands.run("ask", *typed)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_setting_has_a_code_of_its_own_and_no_word_of_a_client(
    commands: CommandLine,
) -> None:
    """Ours: a person who types a command has no MCP client's entry to edit."""
    done = commands.run("ask", "list_leads", CONVOCORE_API_KEY="")
    assert done.returncode == 2
    assert "CONVOCORE_API_KEY" in done.stderr
    assert "entry" not in done.stderr
    done = commands.run("ask", "list_leads", CONVOCORE_REGION="us")
    assert done.returncode == 2
    assert "CONVOCORE_REGION must be 'eu' or 'na'" in done.stderr
    assert "run the command again" in done.stderr
    assert commands.run("board", CONVOCORE_REGION="us").returncode == 2


def test_the_help_names_every_tool(commands: CommandLine) -> None:
    """Ours: nobody should have to guess a name."""
    shown = commands.run_ok("ask", "-h", COLUMNS="60")
    assert {fn.__name__ for fn, _ in TOOLS} <= set(re.findall(r"\w+", shown))


def test_a_line_has_no_escape_for_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Promised by docs/guarantees.md: one module writes to a terminal, and makes it safe."""
    write_lines("\n".join(f"before {escape}after" for escape in ESCAPES))
    assert set(capsys.readouterr().out.splitlines()) == {"before after"}


def test_sentences_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours: notes are sentences, and no enumeration."""
    notes = ["One is late.", "Two are missing."]
    show(
        Console(width=80),
        answer_layout({"freshness": {"notes": notes}, "tags": ["a", "b"]}, width=80),
    )
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "tags  a, b" in lines
    assert [line for line in lines if line.endswith(".")] == [
        "freshness  notes  One is late.",
        "Two are missing.",
    ]


def test_somebody_who_types_commas_learns_that_a_key_is_repeated(commands: CommandLine) -> None:
    """Ours: in a shell, a comma is what comes to mind first."""
    typed = commands.run("ask", "conversation_stats", "group_by=stage,channel")
    assert typed.returncode == 1
    assert "when the key is repeated: group_by=stage group_by=channel" in " ".join(
        typed.stderr.split()
    )
    assert "repeated" not in commands.run("ask", "conversation_stats", "group_by=colour").stderr
