"""What the pages tell somebody to type who installs it, in a fresh copy of the repository."""

import os
import subprocess
from pathlib import Path

import pytest
import uv

from tests.pages.documented import documented
from tests.pages.repository_copy import copy_repository
from tests.process_environment import isolated_environment

pytestmark = pytest.mark.clients
PIPX = "pipx==1.18.4"
EXTRAS = {
    documented("pip install '.[otel]'"): "import opentelemetry.sdk",
    documented("pip install '.[parquet]'"): "import pyarrow",
    documented(
        "pip install '.[postgres]'"
    ): "import psycopg; assert psycopg.pq.__impl__ == 'binary'",
}
MAX_MEGABYTES = 100
"""What docs/architecture.md, "Dependencies" says, and some room for newer versions."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone") / "convocore-mcp"
    copy_repository(folder)
    return folder


def type_in(folder: Path, line: str, *path: Path, **settings: str) -> str:
    """What a line shows in a shell, with these folders on the path."""
    search = os.pathsep.join([*map(str, path), os.environ["PATH"]])
    caches = {
        name: os.environ.get(name) or subprocess.check_output(command, text=True).strip()
        for name, command in {
            "UV_CACHE_DIR": [uv.find_uv_bin(), "cache", "dir"],
            "PIP_CACHE_DIR": ["pip", "cache", "dir"],
        }.items()
    }
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=isolated_environment(folder.parent / "home", PATH=search, **caches, **settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_one_command_installs_it_and_shows_the_demo_and_each_extra_can_be_added(copy: Path) -> None:
    """Promised by the README, "Try it"; by docs/architecture.md, "Dependencies": the size."""
    shown = type_in(
        copy,
        documented(
            "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/convocore-mcp demo"
        ),
    )
    assert "convocore-mcp install claude-desktop" in shown

    # Not what an environment begins with.
    packages = next((copy / ".venv" / "lib").glob("python3*/site-packages"))
    others = "--exclude=__pycache__ --exclude=pip --exclude=setuptools"
    command = f"{documented('du -s --apparent-size')} {others} {packages}"
    assert int(type_in(copy, command).split()[0]) < MAX_MEGABYTES * 1000

    commands = copy / ".venv" / "bin"
    for command, imported in EXTRAS.items():
        type_in(copy, f'{command} && python -c "{imported}"', commands)


def test_uv_and_pipx_put_the_command_where_a_client_finds_it(copy: Path, tmp_path: Path) -> None:
    """Promised by the README, "Connect it" and "Trouble"."""
    tools = tmp_path / "uv"
    where = {"UV_TOOL_DIR": str(tools), "UV_TOOL_BIN_DIR": str(tools / "bin")}
    type_in(copy, documented("uv tool install ."), Path(uv.find_uv_bin()).parent, **where)
    found = type_in(copy, documented("which convocore-mcp"), tools / "bin").strip()
    assert found == str(tools / "bin" / "convocore-mcp")
    assert type_in(copy, f"{found} --version").startswith("convocore-mcp ")

    pipx = tmp_path / "pipx"
    where = {"PIPX_HOME": str(pipx), "PIPX_BIN_DIR": str(pipx / "bin")}
    run_pipx = f"{uv.find_uv_bin()} tool run --quiet {PIPX}"
    command = documented("pipx install .").partition(" ")[2]
    type_in(copy, f"{run_pipx} {command}", **where)
    assert type_in(copy, f"{pipx}/bin/convocore-mcp --version").startswith("convocore-mcp ")
