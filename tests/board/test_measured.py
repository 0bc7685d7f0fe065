"""`python benchmarks/board.py` measures what somebody waits for; how long it takes is no test."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.pages.documented import documented

pytestmark = [pytest.mark.browser, pytest.mark.clients, pytest.mark.timeout(600)]
ROOT = Path(__file__).parent.parent.parent


def test_every_wait_on_the_board_is_measured(browser: Browser) -> None:
    """Promised by docs/performance.md, "The board"; the page has the same command."""
    assert browser.is_connected()  # skipped where there is none
    done = subprocess.run(
        [sys.executable, *documented("python benchmarks/board.py").split()[1:], "--rounds=1"],
        cwd=ROOT, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    page = (ROOT / "docs" / "performance.md").read_text()
    measured = [line.split("|")[1].strip() for line in done.stdout.splitlines()[2:]]
    assert len(measured) == 25
    assert [what for what in measured if f"| {what} |" not in page] == []
