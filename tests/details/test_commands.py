"""What the commands say of details."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from benchmarks.sandbox_process import sandbox_process
from convocore_mcp.sandbox import Sandbox, serving
from tests.cli.command_line import CommandLine
from tests.details.details_harness import NOW, full_rows


@pytest.fixture
def command_line(tmp_path: Path) -> Iterator[CommandLine]:
    sandbox = Sandbox(size=60, now=NOW, sparse=True)
    with serving(sandbox) as base_url:
        yield CommandLine(tmp_path, sandbox, base_url)


def test_sync_and_status_tell_how_many_details_are_still_to_be_read(
    command_line: CommandLine,
) -> None:
    """Promised by docs/operations.md, "Commands"."""
    slow = {"CONVOCORE_DETAILS": "auto", "CONVOCORE_DETAILS_PER_SECOND": "0.01"}
    output = command_line.run_ok("sync", **slow)
    assert "still to be read" in output
    assert "in the background of a running server" in output
    assert "still to be read" in command_line.run_ok("status", **slow)
    assert "details        off (CONVOCORE_DETAILS)" in command_line.run_ok("status")


def test_status_says_when_there_is_nothing_to_be_read(command_line: CommandLine) -> None:
    """Promised by docs/operations.md, "Commands"."""
    command_line.sandbox.sparse = False
    command_line.sandbox.replace(list(full_rows(5)))
    settings = {"CONVOCORE_DETAILS": "auto"}
    assert "details" not in command_line.run_ok("sync", **settings)
    status = command_line.run_ok("status", **settings)
    assert "details        not needed: single conversations add nothing to the list" in status


def test_the_sandbox_command_serves_a_sparse_list_and_transcripts() -> None:
    """Promised by docs/operations.md, "Commands": `--sparse`, `--export`."""
    headers = {"Authorization": "Bearer sandbox-key"}
    path = "/agents/demo-agent/convos"
    with (
        sandbox_process(40, options=("--sparse", "--export")) as base_url,
        httpx.Client(base_url=base_url, headers=headers, trust_env=False) as http,
    ):
        listed = http.get(path).json()["data"]
        ids = [row["ID"] for row in listed if "state" not in row and "_" not in row["ID"]]
        assert len(ids) > 10
        singles = [http.get(f"{path}/{id_}").json()["data"] for id_ in ids]
        assert all("state" in single for single in singles)
        exported = http.get(f"{path}/{ids[0]}/export").json()["data"]
        assert exported["turns"]
