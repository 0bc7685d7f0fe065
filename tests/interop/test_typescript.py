"""Clients in TypeScript, over all transports: both versions of the SDK's, and `mcp-remote`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.interop.all_requests import assert_complete, comparable
from tests.interop.conftest import ServerUnderTest
from tests.node import NODE, run

pytestmark = pytest.mark.clients

VERSIONS = [("1", ""), ("2", "legacy"), ("2", "auto")]


def send_all(
    clients: Path, server: ServerUnderTest, target: dict[str, Any], *version: str
) -> dict[str, Any]:
    """The results that the SDK's client got."""
    plan = json.dumps(server.plan | target)
    output = run([NODE, "client.mjs", *version], cwd=clients, stdin=plan, env=server.env)
    results: dict[str, Any] = json.loads(output)
    return results


@pytest.fixture(scope="module")
def expected(clients: Path, server: ServerUnderTest) -> str:
    """The results of the first version over HTTP."""
    return comparable(send_all(clients, server, {"url": server.http}, "1", ""))


@pytest.mark.parametrize(("version", "era"), VERSIONS)
def test_the_typescript_sdk_sends_every_request_over_stdio(
    clients: Path, server: ServerUnderTest, version: str, era: str
) -> None:
    """Promised by docs/architecture.md, "Serving"."""
    command, *args = server.command
    results = send_all(clients, server, {"command": command, "args": args}, version, era)
    assert_complete(results)


@pytest.mark.parametrize("transport", ["http", "sse"])
@pytest.mark.parametrize(("version", "era"), VERSIONS)
def test_the_typescript_sdk_gets_equal_results_over_http_and_sse(
    clients: Path, server: ServerUnderTest, expected: str, version: str, era: str, transport: str
) -> None:
    """Promised by docs/operations.md, "HTTP". On each transport, in both eras."""
    results = send_all(clients, server, {"url": getattr(server, transport)}, version, era)
    assert_complete(results)
    assert comparable(results) == expected


@pytest.mark.parametrize("transport", ["http", "sse"])
def test_mcp_remote_connects_a_stdio_client_to_http_and_sse(
    clients: Path, server: ServerUnderTest, transport: str
) -> None:
    """Promised by docs/operations.md, "HTTP"."""
    remote = str(clients / "node_modules" / ".bin" / "mcp-remote")
    target = {"command": str(NODE), "args": [remote, getattr(server, transport)]}
    home = {"MCP_REMOTE_CONFIG_DIR": str(clients / "remote")}
    results = json.loads(
        run(
            [NODE, "client.mjs", "1"],
            cwd=clients,
            stdin=json.dumps(server.plan | target),
            env=home,
        )
    )
    assert_complete(results)
