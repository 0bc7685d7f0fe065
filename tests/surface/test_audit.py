"""The audit log: who asked what, and whom the answer showed."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from convocore_mcp.assembly import Assembly
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.audit import MAX_IDS
from convocore_mcp.server.mcp.mcp_server import create_server
from tests.stdio.pipes import piped_client
from tests.sync.sync_harness import Gate
from tests.tool_client import connected
from tests.web.web_server import TOKEN, bearer, modern_request, run_server

Line = dict[str, Any]


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[Sandbox, dict[str, Any]]]:
    sandbox = Sandbox(size=60)
    with serving(sandbox) as base_url:
        settings = {"api_key": sandbox.key, "agent_id": sandbox.agent_id, "base_url": base_url}
        # A busy machine waits longer for the first answer.
        yield sandbox, settings | {"store": "memory", "details": "off", "wait_seconds": 60}


def client(settings: dict[str, Any], destination: Path | str) -> Client:
    chosen = settings | {"audit_log": str(destination)}
    return Client(create_server(App(lambda: Assembly(chosen), version="test")))


def lines(file: Path) -> list[Line]:
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_every_call_is_a_line_with_the_ids_that_were_shown_and_nothing_else(
    upstream: tuple[Sandbox, dict[str, Any]], tmp_path: Path
) -> None:
    """Promised by docs/security.md, "Audit log"."""
    sandbox, settings = upstream
    file = tmp_path / "audit.jsonl"
    agent, person = sandbox.agent_id, "Zebediah Nobody"
    async with client(settings, file) as mcp:
        listed = (await mcp.call_tool("list_leads", {"limit": 3})).structured_content
        await mcp.call_tool("get_lead", {"lead": person})
        await mcp.call_tool(person, {})
        await mcp.call_tool("list_leads", {"agent_id": person})
        await mcp.read_resource(f"convocore://agents/{agent}/hot-leads")
        await mcp.get_prompt("prepare_for_call", {"lead": person})
        with pytest.raises(MCPError):
            await mcp.read_resource(f"convocore://agents/{agent}/leads/nobody")
        with pytest.raises(MCPError):
            await mcp.get_prompt(person, {})
        await mcp.list_tools()
    written = lines(file)
    assert [(line["what"], line["outcome"]) for line in written] == [
        ("tool list_leads", "ok"),
        ("tool get_lead", "not_found"),
        ("tool", "invalid_argument"),
        ("tool list_leads", "invalid_argument"),
        ("resource hot-leads", "ok"),
        ("prompt prepare_for_call", "ok"),
        ("resource leads", "not_found"),
        ("prompt", "-32602"),
    ]
    assert listed is not None
    assert written[0]["ids"] == [row["lead_id"] for row in listed["leads"]]
    assert written[4]["ids"]
    assert {line["agent_id"] for line in written} == {agent}
    keys = {"at", "who", "what", "agent_id", "outcome", "ids"}
    assert all(line.keys() == keys for line in written)
    text = file.read_text()
    names = [row["name"] for row in listed["leads"] if row.get("name")]
    assert names
    assert not [word for word in (*names, person) if word in text]
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_line_has_at_most_200_ids_and_tells_how_many_there_were(tmp_path: Path) -> None:
    """Promised by docs/security.md, "Audit log"."""
    sandbox, file = Sandbox(size=20), tmp_path / "audit.jsonl"
    async with connected(sandbox, audit_log=str(file)) as mcp:
        await mcp.until_complete()
        cursor = (await mcp.ask("list_changes"))["next_cursor"]
        for number in range(150):
            sandbox.insert(ID=f"c{number}", contactIdentityId=f"person-{number}")
        await (await mcp.app.backend()).syncs.sync(sandbox.agent_id, full=False)
        changes = (await mcp.ask("list_changes", cursor=cursor, limit=200))["changes"]
    shown = {change[key] for change in changes for key in ("id", "lead_id") if key in change}
    assert len(shown) > MAX_IDS
    line = lines(file)[-1]
    assert line["ids_total"] == len(shown)
    assert len(line["ids"]) == MAX_IDS
    assert set(line["ids"]) < shown


async def test_a_call_that_is_cancelled_is_a_line_too(tmp_path: Path) -> None:
    """Promised by docs/security.md, "Audit log": one line for each call."""
    sandbox, file = Sandbox(size=200), tmp_path / "audit.jsonl"
    gate = Gate(sandbox, after=1)
    with serving(sandbox) as url:
        settings = {"api_key": sandbox.key, "agent_id": sandbox.agent_id, "base_url": url}
        async with piped_client(**settings, store="memory", audit_log=str(file)) as mcp:
            await mcp.send("tools/call", 1, name="list_leads", arguments={})
            await gate.reached.wait()
            await mcp.send("notifications/cancelled", requestId=1)
            await mcp.send("ping", 2)
            while (await mcp.receive())["id"] != 2:
                pass
            gate.open()
            mcp.close_stdin()
            await mcp.ended
    (line,) = lines(file)
    assert (line["what"], line["outcome"], line["ids"]) == ("tool list_leads", "cancelled", [])


async def test_a_log_that_cannot_be_written_is_reported_once_and_breaks_no_answer(
    upstream: tuple[Sandbox, dict[str, Any]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Promised by docs/security.md, "Audit log"."""
    async with client(upstream[1], tmp_path / "no such folder" / "audit.jsonl") as mcp:
        for _ in range(3):
            assert not (await mcp.call_tool("list_leads", {"limit": 1})).is_error
    told = [r for r in caplog.records if "audit log" in r.getMessage()]
    assert [record.levelno for record in told] == [logging.ERROR]
    assert str(tmp_path) not in caplog.text


def test_over_http_a_line_names_whose_token_it_was_and_never_the_token(
    upstream: tuple[Sandbox, dict[str, Any]], tmp_path: Path
) -> None:
    """Promised by docs/security.md, "Audit log". Here on stderr."""
    env = {f"CONVOCORE_{name.upper()}": str(value) for name, value in upstream[1].items()}
    env |= {"CONVOCORE_AUDIT_LOG": "stderr", "CONVOCORE_MCP_TOKENS": TOKEN}
    headers, body = modern_request("tools/call", name="list_leads", arguments={"limit": 1})
    with run_server(tmp_path, env=env) as server:
        httpx.post(
            f"{server.url}/mcp", headers=headers | bearer(TOKEN), json=body, trust_env=False,
            timeout=60,
        )  # fmt: skip
        (line,) = (line for line in server.log_lines() if "who" in line)
        assert TOKEN not in server.stderr()
    assert (line["who"], line["what"], line["outcome"]) == ("token-1", "tool list_leads", "ok")
