"""`not_found` says how much was searched, and is no answer while the first full sync fails."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import Answer, ToolClient, connected

AGENT = "convocore://agents/demo-agent"
NOBODY = "Xqzwv Bfghjk"


async def refusals(tool_client: ToolClient) -> list[Answer]:
    """The errors of both tools and both resources that may not find what was asked for."""
    errors = [
        await tool_client.refused("get_lead", lead=NOBODY),
        await tool_client.refused("get_conversation", conversation="nope"),
    ]
    for path in (f"leads/{quote(NOBODY)}", "conversations/nope"):
        with pytest.raises(MCPError) as caught:
            await tool_client.client.read_resource(f"{AGENT}/{path}")
        text = str(caught.value)
        errors.append(json.loads(text[text.index("{") : text.rindex("}") + 1])["error"])
    return errors


async def test_a_complete_mirror_says_how_much_was_searched() -> None:
    """Promised by docs/contract.md, "Tools": no match is `not_found`.

    Holds docs/contract.md #not-found.
    """
    sandbox = Sandbox(size=60)
    async with connected(sandbox) as tool_client:
        await tool_client.until_complete()
        for error in await refusals(tool_client):
            assert error["code"] == "not_found"
            searched = len(list(sandbox.rows()))
            assert f"All {searched} conversations were searched, as of 20" in error["hint"]


async def test_while_the_first_sync_fails_nobody_is_reported_as_missing() -> None:
    """Ours: what has not been read can't be known to be missing; the failure is the answer."""
    sandbox = Sandbox(size=300)
    sandbox.fail_next(400, after=3, times=10_000)
    async with connected(sandbox) as tool_client:
        for error in await refusals(tool_client):
            assert error["code"] == "upstream_invalid"
            assert " conversations have been read before Convocore failed." in error["hint"]


@pytest.mark.parametrize("row", [{"userName": "Without an ID"}, {"ID": "x", "messagesNum": "many"}])
async def test_what_could_not_be_read_is_in_no_complete_list(row: dict[str, Any]) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never marked complete when it is not.

    Holds docs/contract.md #never-falsely-complete. Resources and completions say no more than
    tools.
    """
    sandbox = Sandbox(size=0)
    sandbox.replace([{"ID": "a", "ts": 1_780_000_000, "userName": "Ann"}, row])
    async with connected(sandbox) as tool_client:
        await tool_client.until_read()
        assert not (await tool_client.ask("list_leads"))["freshness"]["complete"]
        (agent,) = (await tool_client.read("convocore://agents"))["agents"]
        assert not agent["complete"]
        reference, argument = (
            PromptReference(name="prepare_for_call"),
            {"name": "lead", "value": "Zoe"},
        )
        result = await tool_client.client.complete(reference, argument)
        assert (result.meta or {})["convocore/coverage"]["complete"] is False
        assert result.completion.total is None


@pytest.mark.parametrize("complete", [True, False])
async def test_a_completion_says_how_complete_the_mirror_is(complete: bool) -> None:
    """Ours: a name that does not complete may only be unread; then no total is claimed."""
    sandbox = Sandbox(size=60)
    references: list[tuple[Any, str]] = [
        (PromptReference(name="prepare_for_call"), "lead"),
        (ResourceTemplateReference(uri="convocore://agents/{agent_id}/leads/{lead_id}"), "lead_id"),
    ]
    async with connected(sandbox) as tool_client:
        if complete:
            await tool_client.until_complete()
        for reference, name in references:
            argument = {"name": name, "value": NOBODY}
            result = await tool_client.client.complete(reference, argument)
            assert result.completion.values == []
            assert result.completion.total == (0 if complete else None)
            expected = len(list(sandbox.rows())) if complete else 0
            coverage = {"complete": complete, "conversations": expected}
            assert (result.meta or {})["convocore/coverage"] == coverage


async def test_ignored_words_and_candidates_are_listed() -> None:
    """Promised by docs/contract.md, "Tools": `ignored`, and what tells candidates apart.

    Holds docs/contract.md #ignored.
    """
    sandbox = Sandbox(size=0)
    rows: list[Any] = [
        {"ID": "a", "ts": 1_780_000_000, "userName": "Jane Doe", "userCompany": "Acme Ltd"},
        {"ID": "b", "ts": 1_780_000_001, "userName": "Jane Roe", "userCompany": "Globex"},
    ]
    sandbox.replace(rows)
    async with connected(sandbox) as tool_client:
        answer = await tool_client.ask("get_lead", lead="Mrs. Jane from Acme GmbH")
        assert answer["lead"]["name"] == "Jane Doe"
        assert set(answer["ignored"]) == {"Mrs", "from", "GmbH"}
        answer = await tool_client.ask("get_lead", lead="Jane Zzyzx")
        assert answer["ignored"] == ["Zzyzx"]
        assert [c["company"] for c in answer["candidates"]] == ["Globex", "Acme Ltd"]
        assert answer["total"] == 2
