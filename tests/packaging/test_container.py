"""The steps of the container file, in a clean folder: no container engine runs here.

A namespace takes the engine's place: its root is read-only but for the folder of the data, it has
no network but loopback, and the server runs as the user that the file names.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.clients, pytest.mark.xdist_group("packaging")]
ROOT = Path(__file__).parent.parent.parent
CONTAINERFILE = (ROOT / "packaging" / "Containerfile").read_text().replace("\\\n", " ")
STEPS = [
    (word, rest.strip())
    for word, _, rest in (line.partition(" ") for line in CONTAINERFILE.splitlines())
    if word.isupper()
]
PYTHON = Path("/usr/bin/python3")
"""The system's, because others may lie in a home folder, where no other user may read."""
LAST = max(i for i, step in enumerate(STEPS) if step[0] == "FROM")
IN_A_NAMESPACE = ["unshare", "--mount", "--net", "--fork", "--kill-child", "sh", "-euc"]
SCRIPT = """
mount --make-rprivate /
mount --bind "$FOLDER/data" "$FOLDER/data"
mount --options remount,bind,ro /
ip link set lo up
as_user="setpriv --reuid=${USER_ID%:*} --regid=${USER_ID#*:} --clear-groups --no-new-privs"
cd "$FOLDER/data"
$as_user env --ignore-environment $ENVIRONMENT "$@" &
server=$!
tries=0
until $as_user env --ignore-environment $ENVIRONMENT sh -c "$HEALTHCHECK" 2>/dev/null; do
    kill -0 $server
    tries=$((tries + 1))
    test $tries -lt 100
    sleep 0.2
done
! $as_user touch "$FOLDER/anywhere" 2>/dev/null
kill -TERM $server
wait $server
"""


def word(name: str) -> str:
    """The last stage's instruction of this name."""
    return dict(STEPS[LAST:])[name]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The package, installed by the first stage's steps; readable for everybody, as in an image."""
    if os.geteuid() != 0 or not PYTHON.exists() or shutil.which("unshare") is None:
        pytest.skip("Only root, with a system's Python, can make a namespace that is read-only.")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        base = Path(name)
        base.chmod(0o755)
        for part in ("source", "data", "bin"):
            (base / part).mkdir()
        (base / "bin" / "python").symlink_to(PYTHON)
        run_build(base)
        user, group = map(int, word("USER").split(":"))
        os.chown(base / "data", user, group)
        yield base


def run_build(base: Path) -> None:
    """Run the steps of the first stage."""
    for step, rest in STEPS[1:LAST]:
        if step == "COPY":
            *sources, target = rest.split()
            for source in sources:
                copy = base / "source" / target / ("" if (ROOT / source).is_dir() else source)
                tree = (ROOT / source).is_dir()
                (shutil.copytree if tree else shutil.copy)(ROOT / source, copy)
        elif step == "RUN":
            command = rest.replace("/opt/convocore-mcp", str(base / "opt"))
            search = f"{base / 'bin'}{os.pathsep}{os.environ['PATH']}"
            subprocess.run(
                ["sh", "-euc", command], cwd=base / "source", check=True,
                env=os.environ | {"PATH": search},
            )  # fmt: skip


def test_the_container_serves_with_a_read_only_root_as_its_user(folder: Path) -> None:
    """Promised by docs/packaging.md, "The container". Its health check says when it is up."""
    command = json.loads(word("ENTRYPOINT")) + json.loads(word("CMD"))
    variables = dict(re.findall(r"(\w+)=(\S+)", word("ENV")))
    variables["PATH"] = f"{folder}/opt/bin:/usr/bin:/bin"
    variables["CONVOCORE_STORE"] = variables["CONVOCORE_STORE"].replace("/data", f"{folder}/data")
    variables["CONVOCORE_MCP_TOKENS"] = "a-token-of-the-test-0123456789"
    check = json.loads(word("HEALTHCHECK").partition("CMD ")[2])
    python = f"{folder}/opt/bin/python"
    env = os.environ | {
        "FOLDER": str(folder),
        "USER_ID": word("USER"),
        "ENVIRONMENT": " ".join(f"{name}={value}" for name, value in variables.items()),
        "HEALTHCHECK": f'{python} -c "{check[2]}"',
    }
    done = subprocess.run(
        [*IN_A_NAMESPACE, SCRIPT, "sh", f"{folder}/opt/bin/{command[0]}", *command[1:]],
        env=env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
