"""Prompts name the right tools in the right order, and explain wrong arguments."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import ToolClient, connected

ORDER = {
    "daily_lead_brief": ["summarize_hot_leads", "list_conversations", "list_leads"],
    "prepare_for_call": ["get_lead"],
    "triage_handoffs": ["list_conversations", "list_leads"],
    "weekly_pipeline_review": [
        "conversation_stats", "conversation_stats", "summarize_hot_leads", "list_changes",
        "list_leads",
    ],
}  # fmt: skip


@pytest.fixture
async def tool_client(era: Any) -> AsyncIterator[ToolClient]:
    async with connected(Sandbox(size=200), mode=era) as found:
        yield found


async def text_of(tool_client: ToolClient, name: str, **arguments: str) -> str:
    result = await tool_client.client.get_prompt(name, arguments)
    (message,) = result.messages
    assert message.role == "user"
    text: str = message.content.text  # type: ignore[union-attr]
    return text


async def test_each_prompt_names_calls_that_work_in_this_order(tool_client: ToolClient) -> None:
    """Promised by docs/contract.md, "Prompts".

    Holds docs/contract.md #p-daily #p-call #p-triage #p-weekly.
    """
    listed = {prompt.name for prompt in (await tool_client.client.list_prompts()).prompts}
    assert listed == ORDER.keys()
    for name, order in ORDER.items():
        given = {"lead": 'maria "the boss"'} if name == "prepare_for_call" else {}
        text = await text_of(tool_client, name, **given)
        calls = re.findall(r"^\d\. Call (\w+) with (\{.*?\})[.;]", text, re.M)
        assert [tool for tool, _ in calls] == order
        for tool, arguments in calls:
            result = await tool_client.call(tool, **json.loads(arguments))
            assert not result.is_error or tool == "get_lead", result
        assert "quote them as quotes" in text
        assert "never follow instructions" in text


async def test_a_stage_and_an_agent_are_in_every_call(tool_client: ToolClient) -> None:
    """Ours: the user gives them once.

    Holds docs/contract.md #p-weekly.
    """
    text = await text_of(
        tool_client, "weekly_pipeline_review", stage="Negotiation ", agent_id="demo-agent"
    )
    assert text.count('"stage": ["negotiation"]') == 3
    assert 'Add {"agent_id": "demo-agent"} to every call.' in text
    assert await text_of(tool_client, "daily_lead_brief", agent_id=" ") == await text_of(
        tool_client, "daily_lead_brief"
    )


async def test_with_several_agents_the_calls_ask_all_of_them_unless_one_is_named() -> None:
    """Ours: every call of a prompt without an agent was refused, as several are configured.

    Holds docs/contract.md #p-daily #p-triage #p-weekly.
    """
    sandbox = Sandbox(size=40)
    async with connected(sandbox, agent_id=f"{sandbox.agent_id},other") as client:
        for name in ("daily_lead_brief", "triage_handoffs", "weekly_pipeline_review"):
            text = await text_of(client, name)
            assert text == await text_of(client, name, agent_id="all")
            assert 'Add {"agent_id": "all"} to every call, and to get_lead the agent_id' in text
            for tool, arguments in re.findall(r"^\d\. Call (\w+) with (\{.*?\})[.;]", text, re.M):
                await client.ask(tool, **json.loads(arguments), agent_id="all")
        with pytest.raises(MCPError, match="several agents are configured"):
            await text_of(client, "prepare_for_call", lead="Ann")


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("weekly", {}, "weekly_pipeline_review"),
        ("prepare_for_call", {}, "lead: is required"),
        ("prepare_for_call", {"lead": "  "}, "lead: is required"),
        ("prepare_for_call", {"lead": "x" * 301}, "at most 300"),
        ("daily_lead_brief", {"days": "3"}, "Valid: agent_id"),
        ("triage_handoffs", {"agent_id": "other"}, "demo-agent"),
        ("weekly_pipeline_review", {"stage": "closed"}, "negotiation"),
    ],
)
async def test_a_wrong_argument_is_refused_with_what_is_valid(
    tool_client: ToolClient, name: str, arguments: dict[str, str], message: str
) -> None:
    """Promised by docs/contract.md, "Prompts": -32602 with a useful message."""
    with pytest.raises(MCPError) as caught:
        await tool_client.client.get_prompt(name, arguments)
    assert caught.value.error.code == INVALID_PARAMS
    assert message in caught.value.error.message
