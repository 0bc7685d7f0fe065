"""Clients in TypeScript, over all transports: both versions of the SDK's, and `mcp-remote`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.interop.conftest import NODE, Served, run
from tests.interop.everything import answers, assert_everything

VERSIONS = [("1", ""), ("2", "legacy"), ("2", "auto")]


def ask(clients: Path, served: Served, where: dict[str, Any], *version: str) -> dict[str, Any]:
    """What the SDK's client heard."""
    plan = json.dumps(served.plan | where)
    said = run([NODE, "client.mjs", *version], cwd=clients, stdin=plan, env=served.env)
    told: dict[str, Any] = json.loads(said)
    return told


@pytest.fixture(scope="module")
def usual(clients: Path, served: Served) -> str:
    """What the first version hears over HTTP."""
    return answers(ask(clients, served, {"url": served.http}, "1", ""))


@pytest.mark.parametrize(("version", "era"), VERSIONS)
def test_the_typescript_sdk_asks_for_everything_over_stdio(
    clients: Path, served: Served, version: str, era: str
) -> None:
    """Asked for by issue 4: lists and calls, reads, gets and completes everything."""
    command, *args = served.command
    said = ask(clients, served, {"command": command, "args": args}, version, era)
    assert_everything(said)


@pytest.mark.parametrize("where", ["http", "sse"])
@pytest.mark.parametrize(("version", "era"), VERSIONS)
def test_the_typescript_sdk_hears_the_same_over_http_and_sse(
    clients: Path, served: Served, usual: str, version: str, era: str, where: str
) -> None:
    """Promised by issue 4: the same answers over every transport and in both eras."""
    said = ask(clients, served, {"url": getattr(served, where)}, version, era)
    assert_everything(said)
    assert answers(said) == usual


@pytest.mark.parametrize("where", ["http", "sse"])
def test_mcp_remote_brings_it_all_to_clients_that_only_know_stdio(
    clients: Path, served: Served, where: str
) -> None:
    """Asked for by issue 4: `mcp-remote` in front of HTTP."""
    remote = str(clients / "node_modules" / ".bin" / "mcp-remote")
    asked = {"command": str(NODE), "args": [remote, getattr(served, where)]}
    home = {"MCP_REMOTE_CONFIG_DIR": str(clients / "remote")}
    said = json.loads(
        run(
            [NODE, "client.mjs", "1"],
            cwd=clients,
            stdin=json.dumps(served.plan | asked),
            env=home,
        )
    )
    assert_everything(said)
