"""What the machine gives the process: a read-only folder, little memory, few descriptors."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from convocore_mcp.sandbox import Sandbox, serving
from tests.pages.documented import documented
from tests.process_environment import isolated_environment
from tests.test_stdio import INITIALIZE, INITIALIZED, receive, send, stdio_server, tool_call
from tests.web.web_server import ANSWER_TIMEOUT_SECONDS, modern_request, run_server

SIZE = 300
MEGABYTE = 1024
"""In the unit of `ulimit -v`."""
AS_ANYBODY = 'set -- setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -all "$@"'
"""Root may write anywhere; without these capabilities it may not."""


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    """Those to read a sandbox."""
    sandbox = Sandbox(size=SIZE)
    with serving(sandbox) as base_url:
        yield {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_WAIT_SECONDS": "60",  # on a busy machine
        }


def answers(env: dict[str, str], *tools: str, prepare: str) -> list[dict[str, Any]]:
    """What these tools answer, one after the other."""
    with stdio_server(env, prepare=prepare) as process:
        send(process, INITIALIZE)
        receive(process)
        send(process, INITIALIZED)
        found = []
        for tool in tools:
            send(process, tool_call(tool))
            found.append(json.loads(receive(process)["result"]["content"][0]["text"]))
        return found


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may write anywhere"
)
def test_a_folder_that_is_read_only_is_named_with_the_way_out(
    settings: dict[str, str], tmp_path: Path
) -> None:
    """Promised by docs/guarantees.md: `mirror_unavailable`, and what to set."""
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    env = isolated_environment(tmp_path, **settings, CONVOCORE_STORE=str(folder / "mirror"))
    prepare = AS_ANYBODY if os.geteuid() == 0 else ":"
    (answer,) = answers(env, "list_conversations", prepare=prepare)
    assert answer["error"]["code"] == "mirror_unavailable"
    assert "CONVOCORE_STORE" in answer["error"]["hint"]
    assert not list(folder.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, address space is not limited")
def test_300_mb_of_address_space_are_enough(settings: dict[str, str], tmp_path: Path) -> None:
    """Promised by docs/guarantees.md: a full sync and questions, with a mirror on disk."""
    env = isolated_environment(tmp_path, **settings)
    env.pop("MALLOC_ARENA_MAX", None)
    tools = ("list_conversations", "conversation_stats", "list_leads", "list_changes")
    found = answers(env, *tools, prepare=f"{documented('ulimit -v')} {300 * MEGABYTE}")
    assert not [answer for answer in found if "error" in answer]
    assert found[0]["conversations"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, address space is not limited")
@pytest.mark.parametrize("megabytes", [1, 16])
def test_too_little_memory_to_start_is_reported_in_a_line(tmp_path: Path, megabytes: int) -> None:
    """Promised by docs/operations.md, "Broken machines": no stack trace of an import."""
    program = (
        "import resource\n"
        "from convocore_mcp.cli.main import main\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        f"limit = used + {megabytes} * 2**20\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "main()"
    )
    env = isolated_environment(tmp_path, MALLOC_ARENA_MAX="1")
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "There is too little memory to start." in done.stderr
    assert "300 MB" in done.stderr
    assert "Traceback" not in done.stderr


def test_64_file_descriptors_are_enough_over_http(settings: dict[str, str], tmp_path: Path) -> None:
    """Promised by docs/guarantees.md: with a mirror on disk, and more connections than that."""
    headers, body = modern_request("tools/call", name="list_leads", arguments={"limit": 1})

    def call(url: str) -> int:
        # One connection for each call: more than there are descriptors.
        response = httpx.post(
            f"{url}/mcp",
            headers=headers,
            json=body,
            timeout=ANSWER_TIMEOUT_SECONDS,
            trust_env=False,
        )
        if response.status_code == 200:
            message = response.text.rpartition("data: ")[2]  # an event, where it took a while
            answer = json.loads(json.loads(message)["result"]["content"][0]["text"])
            assert "error" not in answer, answer
        return response.status_code

    with run_server(tmp_path, env=settings, prepare="ulimit -n 64") as server:
        assert call(server.url) == 200
        with ThreadPoolExecutor(64) as pool:
            statuses = list(pool.map(call, [server.url] * 96))
        # Where there is no room for a connection, it is refused with the reason.
        assert set(statuses) <= {200, 503}
        assert statuses.count(200) > 10
        assert call(server.url) == 200
        assert "Traceback" not in server.stderr()
