"""Runs `convocore-mcp` commands with the settings of one sandbox.

They run in the test's process: starting one would take most of the time of these tests.
"""

import contextvars
import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from convocore_mcp.cli.commands import app
from convocore_mcp.sandbox import Sandbox
from tests.process_environment import isolated_environment


@dataclass(frozen=True)
class CommandResult:
    """What a command wrote, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


class CommandLine:
    """Runs commands with a home folder of their own."""

    def __init__(self, home: Path, sandbox: Sandbox, base_url: str) -> None:
        self.home = home
        self.sandbox = sandbox
        self.env = isolated_environment(
            home,
            CONVOCORE_API_KEY=sandbox.key,
            CONVOCORE_AGENT_ID=sandbox.agent_id,
            CONVOCORE_BASE_URL=base_url,
        )

    def run(self, *arguments: str, answer: str = "", **settings: str) -> CommandResult:
        """Run a command; `answer` is typed into its stdin."""
        environment = dict.fromkeys(os.environ) | self.env | settings
        invoke = functools.partial(
            CliRunner().invoke,
            app, arguments, input=answer, env=environment, catch_exceptions=False,
        )  # fmt: skip
        # The context of the test may say that an event loop runs: that of an asynchronous fixture.
        done = contextvars.Context().run(invoke)
        return CommandResult(done.exit_code, done.stdout, done.stderr)

    def run_ok(self, *arguments: str, answer: str = "", **settings: str) -> str:
        """The stdout of a command that must succeed and write nothing to stderr but a question."""
        done = self.run(*arguments, answer=answer, **settings)
        question = re.fullmatch(r"[^\n]+\? \[y/N\]:", done.stderr) if answer else None
        assert (done.returncode, "" if question else done.stderr) == (0, "")
        return done.stdout

    @property
    def files(self) -> set[str]:
        """The names of all files in the home folder."""
        return {file.name for file in self.home.rglob("*") if file.is_file()}
