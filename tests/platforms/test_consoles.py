"""Terminals and pipes that can't show every character."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process_environment import TIMEOUT_SECONDS, isolated_environment

SCRIPT = f"""
import sys
from convocore_mcp.cli.terminal import accept_any_character
accept_any_character()
print({"فاطمة ✓"!a})
print({"مريم"!a}, file=sys.stderr)
"""
SAY = [sys.executable, "-c", SCRIPT]
LIKE_A_CODE_PAGE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""Python then takes stdout for ASCII, as it takes it for cp1252 on Windows."""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return isolated_environment(tmp_path) | LIKE_A_CODE_PAGE


def test_a_file_gets_every_sign_as_utf8(env: dict[str, str]) -> None:
    """Promised by docs/operations.md, "Windows and macOS"."""
    done = subprocess.run(SAY, env=env, capture_output=True, check=False)

    assert (done.returncode, done.stdout.decode()) == (0, f"فاطمة ✓{os.linesep}")
    assert done.stderr.decode() == f"مريم{os.linesep}"


def test_an_encoding_that_was_chosen_is_kept(env: dict[str, str]) -> None:
    """Promised by docs/operations.md, "Windows and macOS"."""
    done = subprocess.run(
        SAY, env=env | {"PYTHONIOENCODING": "cp1252"}, capture_output=True, check=False
    )

    assert (done.returncode, done.stdout.decode("cp1252").strip()) == (0, "????? ?")


def test_a_terminal_shows_question_marks_for_what_it_lacks(env: dict[str, str]) -> None:
    """Promised by docs/operations.md, "Windows and macOS"."""
    terminal, its_side = pty.openpty()
    with subprocess.Popen(SAY, env=env, stdout=its_side, stderr=subprocess.PIPE) as process:
        os.close(its_side)
        shown = os.read(terminal, 1000)
        assert process.wait(TIMEOUT_SECONDS) == 0
    os.close(terminal)

    assert shown.decode("ascii").strip() == "????? ?"


def test_every_command_accepts_any_sign(env: dict[str, str]) -> None:
    """Ours: the demo's people have names in any script."""
    script = (
        "from convocore_mcp.cli import commands; "
        f"commands.app = lambda: commands.write_lines({'فاطمة'!a}); commands.run()"
    )
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, check=False)

    assert (done.returncode, done.stdout.decode().strip()) == (0, "فاطمة")
