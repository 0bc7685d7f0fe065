"""One agent, or several that are asked together."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import pytest

from convocore_mcp.sandbox import Sandbox
from tests.promises.conversations import ROWS
from tests.tool_client import ToolClient, connected

ASKING_ALL = {
    "list_conversations": "conversations", "list_leads": "leads", "summarize_hot_leads": "leads",
    "list_changes": "changes",
}  # fmt: skip
"""The tools whose rows say whose they are, with the name of the rows."""
LIVING = "demo-agent"


@pytest.fixture(scope="module")
async def of_two() -> AsyncIterator[ToolClient]:
    """A client of a server with two agents, of which Convocore knows one."""
    sandbox = Sandbox(size=0, agent_id=LIVING)
    sandbox.replace(list(ROWS))
    agents = f"{LIVING},gone"
    async with connected(sandbox, agent_id=agents, incremental_sync_seconds=0) as found:
        yield found


async def test_one_agent_need_not_be_named(client: ToolClient) -> None:
    """Promised by docs/contract.md, "Rules for every answer": `agent_id` is optional.

    Holds docs/contract.md #one-agent.
    """
    unnamed = await client.ask("list_leads")
    for agent in ("demo-agent", "all", "ALL "):
        assert (await client.ask("list_leads", agent_id=agent))["leads"] == unnamed["leads"]
    assert "agent_id" not in unnamed["leads"][0]


@pytest.mark.parametrize(
    "tool", [*ASKING_ALL, "conversation_stats", "get_lead", "get_conversation"]
)
async def test_of_several_agents_one_must_be_named(of_two: ToolClient, tool: str) -> None:
    """Promised by docs/contract.md, "Rules for every answer": the error lists them.

    Holds docs/contract.md #several-agents.
    """
    asked: dict[str, Any] = {
        "get_lead": {"lead": "Ann"},
        "get_conversation": {"conversation": "ann-1"},
    }
    error = await of_two.refused(tool, **asked.get(tool, {}))
    assert error["code"] == "invalid_argument"
    assert f"{LIVING}, gone" in error["hint"]


async def test_all_agents_are_asked_at_once_and_rows_say_whose_they_are(
    of_two: ToolClient,
) -> None:
    """Promised by docs/contract.md, "Rules for every answer": one answer, honest about each.

    Holds docs/contract.md #all-agents #agents-apart.
    """
    cursor = (await of_two.ask("list_changes", agent_id="all"))["next_cursor"]
    for tool, rows in ASKING_ALL.items():
        since: dict[str, Any] = {"cursor": cursor} if tool == "list_changes" else {}
        answer = await of_two.ask(tool, agent_id="all", **since)
        assert answer["freshness"]["complete"] is False
        assert any(note.startswith("gone: nothing of it") for note in answer["freshness"]["notes"])
        assert {row["agent_id"] for row in answer[rows]} <= {LIVING}
        assert answer[rows] or tool == "list_changes"
    totals = (await of_two.ask("conversation_stats", agent_id="all"))["totals"]
    alone = (await of_two.ask("conversation_stats", agent_id=LIVING))["totals"]
    assert totals == alone
    assert totals["conversations"] == len(ROWS)


class TwoAgents(Sandbox):
    """One Convocore with two agents: this sandbox's, and that of `other`."""

    def __init__(self, other: Sandbox) -> None:
        super().__init__(size=0, agent_id=LIVING)
        own = self.app

        async def app(
            scope: MutableMapping[str, Any],
            _receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
            send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
        ) -> None:
            of_other = f"/agents/{other.agent_id}/" in scope.get("path", "")
            await (other.app if of_other else own)(scope, _receive, send)

        self.app = app


@pytest.mark.parametrize("status", [403, 404])
async def test_an_agent_that_is_refused_later_is_in_no_answer_about_all(status: int) -> None:
    """Promised by docs/contract.md, "Rules for every answer": one answer, honest about each.

    Holds docs/contract.md #all-agents #refused-agent. Asked alone, the refused agent gets no answer
    either; yet its changes are told, because the cursor would pass them by.
    """
    other = Sandbox(size=0, agent_id="other")
    sandbox = TwoAgents(other)
    sandbox.replace(list(ROWS))
    other.replace([row | {"ID": f"other-{row['ID']}"} for row in ROWS])
    agents = f"{LIVING},other"
    async with connected(sandbox, agent_id=agents, incremental_sync_seconds=0) as client:
        for agent in (LIVING, "other"):
            await client.ask("list_changes", agent_id=agent)
        cursor = (await client.ask("list_changes", agent_id="all"))["next_cursor"]
        both = await client.ask("conversation_stats", agent_id="all")
        other.touch(f"other-{ROWS[0]['ID']}", stage="lost")
        await client.ask("list_leads", agent_id="other")
        other.fail_next(status, times=1_000)

        alone = await client.ask("conversation_stats", agent_id=LIVING)
        for tool, rows in ASKING_ALL.items():
            since: dict[str, Any] = {"cursor": cursor} if tool == "list_changes" else {}
            answer = await client.ask(tool, agent_id="all", **since)
            freshness = answer["freshness"]
            assert freshness["complete"] is False
            assert freshness["conversations"] == len(ROWS)
            assert any(note.startswith("other: nothing of it") for note in freshness["notes"])
            shown = {row["agent_id"] for row in answer[rows]}
            assert shown == ({"other"} if tool == "list_changes" else {LIVING})
        totals = (await client.ask("conversation_stats", agent_id="all"))["totals"]
    assert both["totals"]["conversations"] == 2 * len(ROWS)
    assert totals == alone["totals"]
