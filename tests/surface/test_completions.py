"""Arguments complete from the mirror, and never wait for Convocore."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, Completion, PromptReference, ResourceTemplateReference

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.server.rendering import completion
from convocore_mcp.vocabulary import STAGES
from tests.tool_client import ToolClient, connected

AGENT = "convocore://agents/{agent_id}"
CALL, REVIEW = (PromptReference(name=n) for n in ("prepare_for_call", "weekly_pipeline_review"))
CONVERSATION = ResourceTemplateReference(uri=f"{AGENT}/conversations/{{conversation_id}}")
CONVERSATIONS = ResourceTemplateReference(uri=f"{AGENT}/conversations{{?cursor,limit}}")
LEAD = ResourceTemplateReference(uri=f"{AGENT}/leads/{{lead_id}}")


# One mirror for each era: no test changes it, and filling one takes longer than most of them.


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(size=400)


@pytest.fixture(scope="module")
async def tool_client(era: Any, sandbox: Sandbox) -> AsyncIterator[ToolClient]:
    async with connected(sandbox, mode=era) as found:
        await found.until_complete()
        yield found


async def complete(
    tool_client: ToolClient, ref: Any, name: str, value: str, context: dict[str, str] | None = None
) -> Completion:
    argument = {"name": name, "value": value}
    return (await tool_client.client.complete(ref, argument, context)).completion


def test_a_value_that_is_not_safe_as_it_is_does_not_complete() -> None:
    """Ours: nobody could be found by what would be left of it."""
    values = ["Ann", "A\u202enn", "Ann\x1b[0m", "Ann"]
    assert completion(values, complete=True).completion.values == ["Ann"]


async def test_every_parameter_of_every_template_and_prompt_completes(
    tool_client: ToolClient,
) -> None:
    """Promised by docs/contract.md, "Prompts".

    Holds docs/contract.md #completions.
    """
    for template in (await tool_client.client.list_resource_templates()).resource_templates:
        ref = ResourceTemplateReference(uri=template.uri_template)
        assert (await complete(tool_client, ref, "agent_id", "demo")).values == ["demo-agent"]
    for prompt in (await tool_client.client.list_prompts()).prompts:
        for argument in prompt.arguments or ():
            found = await complete(
                tool_client, PromptReference(name=prompt.name), argument.name, ""
            )
            assert found.values
    assert (await complete(tool_client, CONVERSATIONS, "limit", "")).values == ["20", "50", "100"]
    assert (await complete(tool_client, CONVERSATIONS, "cursor", "")).values == []


async def test_leads_complete_to_names_that_get_lead_finds(tool_client: ToolClient) -> None:
    """Promised by docs/contract.md, "Prompts": leads by name."""
    leads = (await tool_client.ask("summarize_hot_leads", top=20))["leads"]
    named = [lead for lead in leads if "name" in lead and lead["name"].isascii()]
    for lead in named[:5]:
        typed = lead["name"].split()[0][:4].lower()
        names = (await complete(tool_client, CALL, "lead", typed)).values
        ids = (
            await complete(tool_client, LEAD, "lead_id", typed, {"agent_id": "demo-agent"})
        ).values
        assert any(lead["name"] in name for name in names) or lead["lead_id"] in names
        assert lead["lead_id"] in ids
        for name in names:
            answer = await tool_client.ask("get_lead", lead=name)
            assert "lead" in answer or answer["total"] > 1
        for lead_id in ids:
            assert (await tool_client.ask("get_lead", lead=lead_id))["matched_on"] == "lead_id"


async def test_conversation_ids_complete_to_at_most_a_hundred(
    tool_client: ToolClient, sandbox: Sandbox
) -> None:
    """The protocol: at most a hundred values, and whether there are more."""
    ids = sorted(row["ID"] for row in sandbox.rows())
    beginning = [id_ for id_ in ids if id_.startswith("conv-0")]
    found = await complete(tool_client, CONVERSATION, "conversation_id", "conv-0")
    assert found.values == beginning
    assert found.total == len(beginning)
    newest = await complete(tool_client, CONVERSATION, "conversation_id", "")
    assert newest.values[0] == next(sandbox.rows())["ID"]
    assert len(newest.values) == 100
    assert newest.has_more
    assert (await complete(tool_client, CONVERSATION, "conversation_id", "%")).values == []
    elsewhere = {"agent_id": "another"}
    assert (
        await complete(tool_client, CONVERSATION, "conversation_id", "c", elsewhere)
    ).values == []


async def test_stages_complete_with_undocumented_ones_that_occur(
    tool_client: ToolClient, sandbox: Sandbox
) -> None:
    """Promised by docs/contract.md, "Prompts". Ours: Convocore may add a stage."""
    found = (await complete(tool_client, REVIEW, "stage", "")).values
    occurring = {row["stage"] for row in sandbox.rows() if row.get("stage")}
    assert set(found) == {*STAGES, *occurring}
    assert (await complete(tool_client, REVIEW, "stage", "NEG")).values == ["negotiation"]


@pytest.mark.parametrize("agent", ["all", " ALL ", "demo-agent "])
async def test_stages_complete_for_the_agents_that_the_prompt_takes(
    tool_client: ToolClient, agent: str
) -> None:
    """Promised by docs/contract.md, "Prompts": stages complete; a prompt takes `all` and blanks."""
    found = await complete(tool_client, REVIEW, "stage", "NEG", {"agent_id": agent})
    assert found.values == ["negotiation"]


@pytest.mark.parametrize(
    ("ref", "name"), [(REVIEW, "stage"), (CALL, "lead"), (CONVERSATION, "conversation_id")]
)
async def test_for_an_unknown_agent_nothing_is_called_complete(
    tool_client: ToolClient, ref: Any, name: str
) -> None:
    """Ours: a total of none would say that this agent has no stage, lead or conversation."""
    argument = {"name": name, "value": ""}
    found = await tool_client.client.complete(ref, argument, {"agent_id": "another"})
    assert (found.completion.values, found.completion.total) == ([], None)
    assert "complete': True" not in str(found.meta)


async def test_completing_sends_no_request_to_convocore(era: Any) -> None:
    """Promised by docs/contract.md, "Prompts": the mirror alone is read."""
    sandbox = Sandbox(size=100)
    async with connected(sandbox, mode=era) as tool_client:
        assert (await complete(tool_client, CALL, "lead", "ma")).values == []
        assert (await complete(tool_client, CONVERSATION, "conversation_id", "")).values == []
        assert (await complete(tool_client, REVIEW, "agent_id", "")).values == ["demo-agent"]
        assert (await complete(tool_client, REVIEW, "stage", "won")).values == ["won"]
    assert not sandbox.requests


async def test_without_settings_nothing_is_completed(era: Any) -> None:
    """Ours: a tool tells what to set; a menu that opens while somebody types can't."""
    async with connected(Sandbox(size=0), mode=era, agent_id=()) as tool_client:
        assert (await complete(tool_client, CALL, "lead", "ma")).values == []


@pytest.mark.parametrize(
    ("ref", "name", "message"),
    [
        (CALL, "stage", "lead, agent_id"),
        (LEAD, "conversation_id", "agent_id, lead_id"),
    ],
)
async def test_an_unknown_argument_is_refused(
    tool_client: ToolClient, ref: Any, name: str, message: str
) -> None:
    """The protocol: -32602. Ours: the message names the valid arguments."""
    with pytest.raises(MCPError) as caught:
        await complete(tool_client, ref, name, "x")
    assert caught.value.error.code == INVALID_PARAMS
    assert message in caught.value.error.message


async def test_an_unknown_prompt_or_template_completes_to_nothing(tool_client: ToolClient) -> None:
    """Ours: as the conformance suite expects it."""
    for ref in (PromptReference(name="nope"), ResourceTemplateReference(uri="convocore://{lead}")):
        assert (await complete(tool_client, ref, "lead", "ma")).values == []


async def test_of_an_agent_that_is_gone_nothing_completes() -> None:
    """Ours: tools refuse to answer about it, and completions say no more than tools."""
    sandbox = Sandbox(size=20)
    async with connected(sandbox, incremental_sync_seconds=0) as client:
        await client.until_complete()
        assert (await complete(client, CONVERSATION, "conversation_id", "")).values
        sandbox.fail_next(404, times=10)
        assert (await client.refused("list_leads"))["code"] == "not_found"
        assert (await complete(client, CONVERSATION, "conversation_id", "")).values == []
