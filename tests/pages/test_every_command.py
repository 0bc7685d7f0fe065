"""A page can't name a command that no test runs."""

import re
import shlex

import pytest

from tests.cli.test_documented_commands import TESTED_COMMANDS as OUR_TESTED_COMMANDS
from tests.pages.documented import (
    COMMANDS,
    PROGRAMS,
    ROOT,
    commands_run_by_tests,
    documented,
    program_of,
)

CI = (ROOT / ".ci" / "run").read_text().replace("\\\n", " ")
BY_CI = {
    documented("bash .ci/run"),
    documented(
        "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest"
    ),
}
"""CI itself, and what it runs to the letter (tests/test_readme.py compares)."""
RUN_BY_TESTS = commands_run_by_tests()
NOT_RUNNABLE_HERE = {"cmd /c": "Windows alone has it"}
"""What can't be run here."""


def is_run_by_ci(command: str) -> bool:
    """Whether a line of CI has all words of each part of the command, in this order."""
    lines = [shlex.split(line) for line in re.findall(r"\.venv/bin/(.+)", CI)]
    parts = [shlex.split(part) for part in command.split(" && ")]

    def is_within(words: list[str], line: list[str]) -> bool:
        rest = iter(line)
        return words[0] == line[0] and all(word in rest for word in words)

    return all(any(is_within(part, line) for line in lines) for part in parts)


@pytest.mark.parametrize(
    "command", sorted({command for commands in COMMANDS.values() for command in commands})
)
def test_a_command_that_a_page_names_is_run_by_a_test(command: str) -> None:
    """Ours: a command that nobody runs stops working.

    A test takes the command from the page (`documented`), or CI runs it.
    """
    by_name = OUR_TESTED_COMMANDS, RUN_BY_TESTS, BY_CI, NOT_RUNNABLE_HERE
    assert any(command in those for those in by_name) or is_run_by_ci(command)


@pytest.mark.parametrize("command", sorted(RUN_BY_TESTS | BY_CI | {*NOT_RUNNABLE_HERE}))
def test_what_a_test_runs_still_stands_in_a_page(command: str) -> None:
    """Ours: also where the test needs what is not installed here."""
    assert documented(command)


def test_every_line_that_can_be_pasted_begins_with_a_known_program() -> None:
    """Ours: an unknown program would not be seen in backticks."""
    unknown = [
        command
        for commands in COMMANDS.values()
        for command in commands
        if program_of(command) not in PROGRAMS
    ]
    assert unknown == []
