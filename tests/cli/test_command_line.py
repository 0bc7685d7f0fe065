"""What holds of every command: versions, help, completion, Ctrl+C, a notice in a terminal."""

import os
import platform
import pty
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.pages.documented import documented
from tests.process_environment import TIMEOUT_SECONDS, isolated_environment
from tests.warm_process import WarmProgram

COMMAND = (sys.executable, "-m", "convocore_mcp")


def written_by(arguments: Sequence[str], home: Path) -> str:
    """The stdout of a command that succeeds."""
    output, errors = home / "output", home / "errors"
    process = WarmProgram(arguments, env=isolated_environment(home), stdout=output, stderr=errors)
    assert process.wait(TIMEOUT_SECONDS) == 0, errors.read_text()
    return output.read_text()


def test_the_version_tells_what_a_bug_report_needs(tmp_path: Path) -> None:
    """Promised by docs/commands.md, "Everywhere"."""
    output = written_by(["--version"], tmp_path)
    for part in (
        f"convocore-mcp {version('convocore-mcp')}", f"Python {platform.python_version()}",
        platform.machine(), f"mcp {version('mcp')}", f"SQLite {sqlite3.sqlite_version}",
    ):  # fmt: skip
        assert part in output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_can_not_be_written_is_one_line(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "Commands": the exit code is 1 where something failed."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            env=isolated_environment(tmp_path),
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "The output can't be written (No space left on device).\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the shell's way to close a stream")
@pytest.mark.parametrize("closed", ["<&- 2>&-", ">&-", "<&- >&- 2>&-"])
def test_a_command_runs_without_standard_streams(tmp_path: Path, closed: str) -> None:
    """Ours: services start programs so; a file of ours must not get the number of a stream."""
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *COMMAND, "demo", "--size", "5"],
        env=isolated_environment(tmp_path), check=False, timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0


def test_help_shows_arguments_as_they_are_typed(tmp_path: Path) -> None:
    """Ours: one pair of brackets says that something may be left out."""
    output = written_by(["ask", "-h"], tmp_path)
    assert "[KEY=VALUE]..." in output
    assert "[[" not in output


def test_a_shell_that_completes_gets_words_and_no_server(tmp_path: Path) -> None:
    """Ours: the shell passes no arguments, which otherwise means serving."""
    asked = {"COMP_WORDS": "convocore-mcp ex", "COMP_CWORD": "1"}
    done = subprocess.run(
        [Path(sys.executable).with_name("convocore-mcp")],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
        env=isolated_environment(tmp_path, _CONVOCORE_MCP_COMPLETE="complete_bash", **asked),
    )  # fmt: skip
    assert done.stdout.split() == ["export"]


def test_a_shell_learns_to_complete_by_one_command(tmp_path: Path) -> None:
    """Promised by docs/commands.md, "Everywhere"."""
    command = documented("convocore-mcp --install-completion")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["bash", "-c", f"{command}; exit $?"], check=True, stdout=subprocess.DEVNULL,
        env=isolated_environment(tmp_path) | {"PATH": path},
    )  # fmt: skip
    written = (tmp_path / ".bashrc").read_text().split("'")[1]
    assert "_CONVOCORE_MCP_COMPLETE" in Path(written).read_text()


def test_a_person_who_starts_it_in_a_terminal_is_told_what_it_waits_for(tmp_path: Path) -> None:
    """Promised by docs/commands.md, "Everywhere". On stderr, and only in a terminal."""
    ours, terminal = pty.openpty()
    with subprocess.Popen(
        COMMAND, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=isolated_environment(tmp_path),
    ) as process:  # fmt: skip
        os.close(terminal)
        assert process.stderr is not None
        assert "serves MCP on stdin and stdout, and waits" in process.stderr.readline()
        assert "convocore-mcp demo" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
    os.close(ours)
    assert (stdout, "Traceback" in stderr) == ("", False)


def test_a_person_who_serves_http_in_a_terminal_is_told_the_address(tmp_path: Path) -> None:
    """Promised by docs/commands.md, "Everywhere". A log file gets it at the level `info` alone."""
    ours, terminal = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "serve", "--transport", "http", "--port", "0"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=terminal,
        env=isolated_environment(tmp_path),
    ) as process:  # fmt: skip
        os.close(terminal)
        output = b""
        while b"\n" not in output:
            output += os.read(ours, 4096)
        _interrupted(process)
    os.close(ours)
    assert re.fullmatch(
        rb"convocore-mcp serves MCP at http://127\.0\.0\.1:\d+/mcp\. Ctrl\+C ends it\.\r\n", output
    )


INTERRUPTED_AT_AN_IMPORT = """
import os, signal, sys
from convocore_mcp.cli import main

def import_module(name):
    os.kill(os.getpid(), signal.SIGINT)

main.import_module = import_module
sys.argv = ["convocore-mcp", "status"]
main.main()
"""


def test_ctrl_c_while_it_starts_ends_it_without_a_word(tmp_path: Path) -> None:
    """Ours: importing takes a second, in which a person may change their mind."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_AT_AN_IMPORT],
        capture_output=True, text=True, check=False, env=isolated_environment(tmp_path),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize(
    ("arguments", "ready"),
    [
        (("sandbox", "--size", "5", "--port", "0"), "Ctrl+C stops it"),
        (("purge", "--all"), "Delete the mirror"),
    ],
    ids=["sandbox", "purge"],
)
def test_ctrl_c_ends_a_command_with_130_and_no_traceback(
    tmp_path: Path, arguments: tuple[str, ...], ready: str
) -> None:
    """Promised by docs/commands.md, "Everywhere". While it works, and while it asks."""
    folder = tmp_path / "data" / "convocore-mcp"
    folder.mkdir(parents=True)
    (folder / "mirror-0123abcd.sqlite3").touch()
    ours, terminal = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments], stdin=terminal, stdout=terminal, stderr=terminal,
        env=isolated_environment(tmp_path),
    ) as process:  # fmt: skip
        os.close(terminal)
        output = b""
        while ready.encode() not in output:
            output += os.read(ours, 4096)
        returncode = _interrupted(process)
        output += _rest(ours)
    os.close(ours)
    assert (returncode, b"Traceback" in output) == (130, False)


def _interrupted(process: subprocess.Popen[bytes]) -> int:
    """Press Ctrl+C as a person does: again, where one came just as Python began to read a line.

    Between its last look for signals and the system's call that waits for a line, one is lost.
    """
    for _ in range(4):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=TIMEOUT_SECONDS / 4)
    process.kill()
    return process.wait()


def _rest(terminal: int) -> bytes:
    """What is still to be read of a terminal that nobody writes to any more."""
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: on Linux, the end of a terminal that nobody has open
        return b""
