"""What the pages tell somebody to type who changes the code, in a copy of the repository."""

import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import pytest

from tests.clients.clients import CLIENTS
from tests.pages.documented import ROOT, documented
from tests.pages.repository_copy import copy_repository
from tests.process_environment import isolated_environment

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]
ONLY_COLLECT = ["--collect-only", "-q"]
"""What is collected is what the whole run runs."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    copy_repository(folder)
    subprocess.run(["git", "init", "-q", folder], check=True)  # some tests list its files
    return folder


def run_in(folder: Path, command: str, more: Sequence[str] = ()) -> str:
    """The output of a command that begins with settings, or with `pytest` or `python`."""
    words = command.split()
    settings = dict(word.split("=") for word in takewhile(lambda word: "=" in word, words))
    program, *arguments = words[len(settings) :]
    module = ["-m", "pytest"] if program == "pytest" else []
    env = isolated_environment(folder / "home", **settings)
    done = subprocess.run(
        [sys.executable, *module, *arguments, *more],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize(
    ("command", "more"),
    [
        (documented("pytest tests/store"), ONLY_COLLECT),
        (documented("pytest -n0 -k name tests/api"), ONLY_COLLECT),
        (
            documented("pytest --hypothesis-profile=explore --timeout 0"),
            ["-n0", "tests/words/test_row_words.py"],
        ),
        (
            documented("CONVOCORE_UPDATE_SCREENSHOTS=1 pytest -n0 tests/board/test_screenshots.py"),
            ONLY_COLLECT,
        ),
    ],
)
def test_a_part_of_the_tests_can_be_run(copy: Path, command: str, more: list[str]) -> None:
    """Promised by docs/architecture.md, "Contributing", and docs/board.md, "Changing it"."""
    assert re.search(r"tests? collected|passed", run_in(copy, command, more))


def test_snapshots_are_written_again_as_they_are(copy: Path) -> None:
    """Promised by docs/architecture.md, "Contributing"."""
    folder = Path("tests", "snapshots")
    for file in (copy / folder).glob("*.json"):
        file.write_text("{}")
    run_in(
        copy,
        documented("CONVOCORE_UPDATE_SNAPSHOTS=1 pytest -n0 tests/surface/test_surface.py"),
    )
    for file in (ROOT / folder).glob("*.json"):
        assert (copy / folder / file.name).read_text() == file.read_text()


def test_the_questions_are_asked_by_a_command(copy: Path) -> None:
    """Promised by docs/performance.md, "How good the answers are". Few here, of little data."""
    said = run_in(copy, documented("python -m benchmarks.questions"), ["--every=90", "--size=200"])
    ours = [line for line in said.splitlines() if line.startswith("| convocore-mcp |")]
    assert len(ours) == 2


def test_the_table_of_clients_is_written_by_a_command(copy: Path) -> None:
    """Promised by docs/clients.md, "Clients". Of one client: the page is as it was."""
    page = copy / "docs" / "clients.md"
    before = page.read_text()
    row = next(line for line in before.splitlines() if line.startswith(f"| {CLIENTS[-1].name} |"))
    page.write_text(before.replace(f"{row}\n", ""))
    run_in(copy, documented("python -m tests.clients.table"), [CLIENTS[-1].name])
    assert page.read_text() == before
