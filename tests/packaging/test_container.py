"""The steps of the container file, in a clean folder: no container engine runs here.

A namespace takes the engine's place, and does what the page's lines ask an engine for: its root is
read-only but for the folder of the data, it has no network but loopback, and the server runs as the
user that the file names, without capabilities. An option that is not known here fails.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.documented import documented
from tests.test_stdio import INITIALIZE, INITIALIZED, LIST_TOOLS

pytestmark = pytest.mark.clients
ROOT = Path(__file__).parent.parent.parent
BUILD = documented("podman build -f packaging/Containerfile -t convocore-mcp .")
OVER_HTTP = documented(
    "podman run --read-only --cap-drop=all -p 127.0.0.1:8000:8000 -v convocore-data:/data "
    "-e CONVOCORE_API_KEY -e CONVOCORE_AGENT_ID -e CONVOCORE_MCP_TOKENS convocore-mcp"
)
OVER_STDIO = documented(
    "podman run -i --read-only --cap-drop=all --no-healthcheck -v convocore-data:/data "
    "-e CONVOCORE_API_KEY -e CONVOCORE_AGENT_ID convocore-mcp serve"
)
GIVEN = {
    "CONVOCORE_API_KEY": "a-key-of-the-test",
    "CONVOCORE_AGENT_ID": "shop",
    "CONVOCORE_MCP_TOKENS": "a-token-of-the-test-0123456789",
}


def engine() -> argparse.ArgumentParser:
    """What an engine makes of the options that the page's lines have."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("engine", choices=["podman"])
    actions = parser.add_subparsers(dest="action", required=True)
    build = actions.add_parser("build")
    build.add_argument("-f", dest="file")
    build.add_argument("-t", dest="tag")
    build.add_argument("context", choices=["."])
    run = actions.add_parser("run")
    run.add_argument("--read-only", action="store_true")
    run.add_argument("--cap-drop")
    run.add_argument("--no-healthcheck", action="store_true")
    run.add_argument("-i", dest="interactive", action="store_true")
    run.add_argument("-p", dest="published")
    run.add_argument("-v", dest="volume")
    run.add_argument("-e", dest="variables", action="append")
    run.add_argument("image")
    run.add_argument("command", nargs="*")
    return parser


def asked(line: str) -> argparse.Namespace:
    return engine().parse_args(shlex.split(line))


CONTAINERFILE: str = (ROOT / asked(BUILD).file).read_text().replace("\\\n", " ")
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
as_user="$as_user --bounding-set=-all --inh-caps=-all"
cd "$FOLDER/data"
if touch "$FOLDER/anywhere" 2>/dev/null; then exit 9; fi
test "$HEALTHCHECK" || exec $as_user env --ignore-environment $ENVIRONMENT "$@"
$as_user env --ignore-environment $ENVIRONMENT "$@" &
server=$!
tries=0
until $as_user env --ignore-environment $ENVIRONMENT sh -c "$HEALTHCHECK" 2>/dev/null; do
    kill -0 $server
    tries=$((tries + 1))
    test $tries -lt 100
    sleep 0.2
done
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


def run_in_namespace(folder: Path, line: str, given: str = "") -> str:
    """Do what a line asks an engine for, with `given` as input; returns the output."""
    options = asked(line)
    assert options.read_only
    assert options.cap_drop == "all"
    assert options.image == asked(BUILD).tag
    assert options.volume.partition(":")[2] == json.loads(word("VOLUME"))[0] == "/data"
    command = json.loads(word("ENTRYPOINT")) + (options.command or json.loads(word("CMD")))
    if options.published:
        assert options.published.split(":")[-1] == command[command.index("--port") + 1]
    variables = dict(re.findall(r"(\w+)=(\S+)", word("ENV")))
    variables["PATH"] = f"{folder}/opt/bin:/usr/bin:/bin"
    variables["CONVOCORE_STORE"] = variables["CONVOCORE_STORE"].replace("/data", f"{folder}/data")
    variables |= {name: GIVEN[name] for name in options.variables}
    check = json.loads(word("HEALTHCHECK").partition("CMD ")[2])
    env = os.environ | {
        "FOLDER": str(folder),
        "USER_ID": word("USER"),
        "ENVIRONMENT": " ".join(f"{name}={value}" for name, value in variables.items()),
        "HEALTHCHECK": "" if options.no_healthcheck else f'{folder}/opt/bin/python -c "{check[2]}"',
    }
    done = subprocess.run(
        [*IN_A_NAMESPACE, SCRIPT, "sh", f"{folder}/opt/bin/{command[0]}", *command[1:]],
        env=env, input=given, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_container_serves_with_a_read_only_root_as_its_user(folder: Path) -> None:
    """Promised by docs/packaging.md, "The container". Its health check says when it is up."""
    run_in_namespace(folder, OVER_HTTP)


def test_the_container_answers_over_stdio(folder: Path) -> None:
    """Promised by docs/packaging.md, "The container"."""
    messages = (INITIALIZE, INITIALIZED, LIST_TOOLS)
    given = "".join(f"{json.dumps(message)}\n" for message in messages)
    answer = json.loads(run_in_namespace(folder, OVER_STDIO, given).splitlines()[-1])
    assert len(answer["result"]["tools"]) == 7
