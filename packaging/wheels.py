"""Checks that every dependency has a wheel wherever the package runs: `python packaging/wheels.py`.

Nobody should need a compiler: not on Windows, not on macOS, not on Linux, with no Python that we
support. uv resolves the dependencies for each, and takes wheels alone.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import uv

ROOT = Path(__file__).parent.parent
PLATFORMS = (
    "x86_64-pc-windows-msvc",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
)
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
EXTRAS = ("otel", "postgres")
UV = uv.find_uv_bin()  # once: two threads that look for it at the same time fail now and then


def resolve(platform: str, python: str) -> str:
    """What uv says against it; empty if every dependency has a wheel."""
    command = [
        UV, "pip", "compile", str(ROOT / "pyproject.toml"),
        "--python-platform", platform, "--python-version", python, "--only-binary", ":all:",
        "--quiet", "--no-header", "--no-annotate",
    ]  # fmt: skip
    command += [argument for extra in EXTRAS for argument in ("--extra", extra)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


def main() -> int:
    """Print a line for each platform and Python; 1 if a wheel is missing."""
    pairs = list(product(PLATFORMS, PYTHONS))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda pair: resolve(*pair), pairs))
    for (platform, python), wrong in zip(pairs, answers, strict=True):
        sys.stdout.write(f"{platform}, Python {python}: {wrong or 'wheels for everything'}\n")
    return int(any(answers))


if __name__ == "__main__":
    sys.exit(main())
