"""`convocore-mcp board` as a process of its own."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.process_environment import TIMEOUT_SECONDS, isolated_environment
from tests.warm_process import WarmProgram
from tests.web.web_server import wait_until

LINK = re.compile(r"^  (http://\S+)$", re.M)


class BoardProcess:
    """The process, and the links that it prints."""

    def __init__(self, process: WarmProgram, output: Path) -> None:
        self.process = process
        self._output = output

    def link(self) -> str:
        """The newest link."""
        return wait_until(self._links, self.process)[-1]

    def _links(self) -> list[str]:
        return LINK.findall(self._output.read_text())


@contextmanager
def run_board(folder: Path, *options: str, **settings: str) -> Iterator[BoardProcess]:
    """Run the command without opening a browser; without `settings`, no account is configured."""
    output = folder / "stdout"
    output.touch()
    process = WarmProgram(
        ["board", "--no-open", *options],
        env=isolated_environment(folder, **settings),
        stdout=output,
        stderr=folder / "stderr",
    )
    try:
        yield BoardProcess(process, output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(TIMEOUT_SECONDS)
