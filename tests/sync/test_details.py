"""Details that the list lacks are read once, and no answer depends on them."""

from typing import Any

import anyio
import pytest

from convocore_mcp.errors import ForbiddenError
from convocore_mcp.models import Conversation, Details
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.sync.details import MAX_CACHED, PAUSE_AFTER_FAILURE, DetailsFetcher
from tests.conversations import NOW as THEN
from tests.conversations import conversation
from tests.tool_client import ToolClient, connected

NOW = 1_780_000_000


def asked(sandbox: Sandbox, id_: str) -> int:
    """How often the single conversation was requested."""
    return sum(id_ in str(request) for request in sandbox.requests)


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(size=400)


async def sparse_leads(tool_client: ToolClient, sandbox: Sandbox) -> list[dict[str, Any]]:
    """Rows without texts, of leads with no other conversation."""
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
    """Promised by docs/upstream.md, "The single conversation": a 404 proves nothing."""
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
    """Ours: after a failure no further request is sent for a while."""
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
    clock[0] += PAUSE_AFTER_FAILURE
    assert await details.enrich([other]) == [other]
    assert asked_for == ["c1", "c2"]


async def test_what_the_row_says_wins_and_a_new_version_is_read_again() -> None:
    """Ours: the list is the source of truth; the cache is bounded."""
    asked_for = []

    async def ask(_agent: str, id_: str) -> Conversation | None:
        asked_for.append(id_)
        record = '{"summary": "Said", "demo_date": "x", "captured_variables": {"size": "S"}}'
        return conversation(id_, name="Else", tokens=5, record=record)

    details = DetailsFetcher(ask, now=lambda: THEN)
    own = Details(captured_variables={"size": "L"})
    row = conversation("c1", name="Ann", record='{"stage": "new"}', details=own)
    older = conversation("c0", record="{}")
    for _ in range(2):
        filled, rest = await details.enrich([row, older])
        assert (filled.name, filled.tokens, rest) == ("Ann", None, older)
        assert filled.details == Details(summary="Said", captured_variables={"size": "L"})
    assert asked_for == ["c1"]
    for i in range(MAX_CACHED):
        await details.enrich([conversation("c1", record=f'{{"stage": "s{i}"}}')])
    await details.enrich([row])
    assert len(asked_for) == MAX_CACHED + 2


async def test_a_row_with_a_summary_is_not_read_again(sandbox: Sandbox) -> None:
    """Ours: the mirror is enough."""
    sandbox.replace([{"ID": "c1", "ts": NOW, "userName": "Ann", "summary": "Wants a demo"}])
    async with connected(sandbox) as tool_client:
        assert (await tool_client.ask("get_lead", lead="Ann"))["lead"]["summary"] == "Wants a demo"
        assert asked(sandbox, "c1") == 0
