"""`convocore-mcp board` as a process of its own."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.process_environment import TIMEOUT_SECONDS, isolated_environment
from tests.web.web_server import wait_until

LINK = re.compile(r"^  (http://\S+)$", re.M)


class BoardProcess:
    """The process, and the links that it prints."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output

    def link(self) -> str:
        """The newest link."""
        return wait_until(self._links, self.process)[-1]

    def _links(self) -> list[str]:
        return LINK.findall(self._output.read_text())


@contextmanager
def run_board(folder: Path, *options: str, **settings: str) -> Iterator[BoardProcess]:
    """Run the command without opening a browser; without other settings, of nobody's data."""
    output = folder / "stdout"
    command = [sys.executable, "-u", "-m", "convocore_mcp", "board", "--no-open", *options]
    with output.open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            command, stdout=stdout, stderr=stderr, env=isolated_environment(folder, **settings)
        )
    try:
        yield BoardProcess(process, output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(TIMEOUT_SECONDS)
