"""Runs `convocore-mcp` commands as processes, with the settings of one sandbox."""

import subprocess
import sys
from pathlib import Path

from convocore_mcp.sandbox import Sandbox
from tests.process_environment import TIMEOUT_SECONDS, isolated_environment


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

    def run(
        self, *arguments: str, answer: str = "", **settings: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; `answer` is typed into its stdin."""
        return subprocess.run(
            [sys.executable, "-m", "convocore_mcp", *arguments],
            env=self.env | settings,
            input=answer,
            capture_output=True,
            text=True,
            timeout=3 * TIMEOUT_SECONDS,
            check=False,
        )

    def run_ok(self, *arguments: str, answer: str = "", **settings: str) -> str:
        """The stdout of a command that must succeed and write nothing to stderr."""
        done = self.run(*arguments, answer=answer, **settings)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    @property
    def files(self) -> set[str]:
        """The names of all files in the home folder."""
        return {file.name for file in self.home.rglob("*") if file.is_file()}
