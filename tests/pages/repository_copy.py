"""The repository as somebody gets it who clones it."""

import shutil
import subprocess
from pathlib import Path

from tests.pages.documented import ROOT


def copy_repository(folder: Path) -> None:
    """Copy what is committed, or about to be, into a new folder."""
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.rstrip("\0").split("\0")  # fmt: skip
    for name in tracked:
        if (ROOT / name).exists():
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy)
