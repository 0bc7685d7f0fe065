"""What the list leaves out is asked for once, and nothing depends on the answer."""

import json
from typing import Any

import anyio
import pytest

from convocore_mcp.errors import ForbiddenError
from convocore_mcp.models import Conversation
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.sync.details import KEPT, REST, DetailsFetcher
from tests.conversations import NOW as THEN
from tests.conversations import conversation
from tests.tool_client import ToolClient, connected

NOW = 1_780_000_000


def asked(sandbox: Sandbox, id_: str) -> int:
    """How often Convocore was asked for this conversation by itself."""
    return sum(id_ in str(request) for request in sandbox.requests)


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(size=400)


async def sparse_leads(tool_client: ToolClient, sandbox: Sandbox) -> list[dict[str, Any]]:
    """Rows that say nothing, of leads with no other conversation."""
    says = ("title", "summary", "funnelSummary", "lastMessage")
    listed = {
        row["id"]: row["lead_id"]
        for page in await tool_client.pages(limit=100, detail="full")
        for row in page["conversations"]
        if "lead_id" in row
    }
    alone = {id_ for id_, lead in listed.items() if list(listed.values()).count(lead) == 1}
    return [
        row
        for row in sandbox.rows()
        if row["ID"] in alone and not any(row.get(name) for name in says)
    ]


async def test_a_sparse_row_is_filled_in_once_and_a_404_changes_nothing(sandbox: Sandbox) -> None:
    """Promised by issue 5: asked once, and a 404 changes nothing."""
    async with connected(sandbox) as tool_client:
        rows = await sparse_leads(tool_client, sandbox)
        by_rest = [row["ID"] for row in rows if row["ID"].startswith(sandbox.agent_id)]
        others = [row["ID"] for row in rows if not row["ID"].startswith(sandbox.agent_id)]
        assert by_rest
        assert others
        for id_ in (others[0], by_rest[0]):
            answers = [await tool_client.ask("get_lead", lead=id_) for _ in range(3)]
            assert all(("summary" in answer["lead"]) == (id_ in others) for answer in answers)
            assert asked(sandbox, id_) == 1


@pytest.mark.parametrize("failing", ["refused", "silent"])
async def test_a_failing_single_conversation_leaves_the_answer_as_it_was(failing: str) -> None:
    """Promised by issue 5: a failure changes nothing; ours: Convocore is left alone for a while."""
    asked_for, clock = [], [THEN]

    async def ask(_agent: str, id_: str) -> Conversation | None:
        asked_for.append(id_)
        if failing == "silent":
            await anyio.sleep_forever()
        raise ForbiddenError("Not in this plan.")

    details = DetailsFetcher(ask, now=lambda: clock[0], budget=0.01)
    one, other = conversation("c1", name="Ann", record="{}"), conversation("c2", record="{}")
    assert await details.enrich([one]) == [one]
    assert await details.enrich([other]) == [other]
    assert asked_for == ["c1"]
    clock[0] += REST
    assert await details.enrich([other]) == [other]
    assert asked_for == ["c1", "c2"]


async def test_the_row_has_the_last_word_and_a_new_version_is_asked_for_again() -> None:
    """Ours: the list is the source of truth; what is remembered is bounded."""
    asked_for = []

    async def ask(_agent: str, id_: str) -> Conversation | None:
        asked_for.append(id_)
        return conversation(id_, name="Else", tokens=5, record='{"summary": "Said", "state": "x"}')

    details = DetailsFetcher(ask, now=lambda: THEN)
    row = conversation("c1", name="Ann", record='{"stage": "new"}')
    older = conversation("c0", record="{}")
    for _ in range(2):
        filled, rest = await details.enrich([row, older])
        assert (filled.name, filled.tokens, rest) == ("Ann", None, older)
        assert json.loads(filled.record) == {"summary": "Said", "stage": "new"}
    assert asked_for == ["c1"]
    for i in range(KEPT):
        await details.enrich([conversation("c1", record=f'{{"stage": "s{i}"}}')])
    await details.enrich([row])
    assert len(asked_for) == KEPT + 2


async def test_who_says_enough_is_not_asked_for(sandbox: Sandbox) -> None:
    """Ours: the mirror answers by itself."""
    sandbox.replace([{"ID": "c1", "ts": NOW, "userName": "Ann", "summary": "Wants a demo"}])
    async with connected(sandbox) as tool_client:
        assert (await tool_client.ask("get_lead", lead="Ann"))["lead"]["summary"] == "Wants a demo"
        assert asked(sandbox, "c1") == 0
