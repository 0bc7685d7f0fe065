"""Details are fetched once for each row version, and no answer depends on them."""

import json
from typing import Any

import anyio
import pytest

from convocore_mcp.errors import ForbiddenError
from convocore_mcp.models import Conversation
from convocore_mcp.sandbox import Sandbox
from convocore_mcp.sync.details import CACHE_SIZE, FAILURE_PAUSE, DetailsFetcher
from tests.conversations import NOW, conversation
from tests.tool_client import ToolClient, connected


def count_requests_for(sandbox: Sandbox, conversation_id: str) -> int:
    """How often Convocore was asked for this single conversation."""
    return sum(conversation_id in str(request) for request in sandbox.requests)


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(size=400)


async def sparse_leads(tool_client: ToolClient, sandbox: Sandbox) -> list[dict[str, Any]]:
    """Sparse rows of leads with no other conversation."""
    descriptive = ("title", "summary", "funnelSummary", "lastMessage")
    lead_ids = {
        row["id"]: row["lead_id"]
        for page in await tool_client.pages(limit=100, detail="full")
        for row in page["conversations"]
        if "lead_id" in row
    }
    counts = list(lead_ids.values())
    alone = {id_ for id_, lead_id in lead_ids.items() if counts.count(lead_id) == 1}
    return [
        row
        for row in sandbox.rows()
        if row["ID"] in alone and not any(row.get(name) for name in descriptive)
    ]


async def test_a_sparse_row_is_enriched_once_and_a_404_changes_nothing(sandbox: Sandbox) -> None:
    """Promised by docs/architecture.md, "The mirror": one request for each version of a row."""
    async with connected(sandbox) as tool_client:
        rows = await sparse_leads(tool_client, sandbox)
        # Convocore answers 404 for conversations made through the REST API.
        by_rest = [row["ID"] for row in rows if row["ID"].startswith(sandbox.agent_id)]
        others = [row["ID"] for row in rows if not row["ID"].startswith(sandbox.agent_id)]
        assert by_rest
        assert others
        for id_ in (others[0], by_rest[0]):
            answers = [await tool_client.ask("get_lead", lead=id_) for _ in range(3)]
            assert all(("summary" in answer["lead"]) == (id_ in others) for answer in answers)
            assert count_requests_for(sandbox, id_) == 1


@pytest.mark.parametrize("failing", ["refused", "silent"])
async def test_a_failed_request_changes_nothing_and_pauses_further_ones(failing: str) -> None:
    """Ours: details are optional, so Convocore is left alone for a while after a failure."""
    requested, time = [], [NOW]

    async def fetch(_agent_id: str, id_: str) -> Conversation | None:
        requested.append(id_)
        if failing == "silent":
            await anyio.sleep_forever()
        raise ForbiddenError("Not in this plan.")

    details = DetailsFetcher(fetch, now=lambda: time[0], timeout_seconds=0.01)
    first, second = conversation("c1", name="Ann", record="{}"), conversation("c2", record="{}")
    assert await details.enrich([first]) == [first]
    assert await details.enrich([second]) == [second]
    assert requested == ["c1"]
    time[0] += FAILURE_PAUSE
    assert await details.enrich([second]) == [second]
    assert requested == ["c1", "c2"]


async def test_the_rows_own_fields_win_and_a_new_version_is_fetched_again() -> None:
    """Ours: the list is the source of truth, and the cache is bounded."""
    requested = []

    async def fetch(_agent_id: str, id_: str) -> Conversation | None:
        requested.append(id_)
        return conversation(id_, name="Else", tokens=5, record='{"summary": "Said", "state": "x"}')

    details = DetailsFetcher(fetch, now=lambda: NOW)
    row = conversation("c1", name="Ann", record='{"stage": "new"}')
    older = conversation("c0", record="{}")
    for _ in range(2):
        enriched, unchanged = await details.enrich([row, older])
        assert (enriched.name, enriched.tokens, unchanged) == ("Ann", None, older)
        assert json.loads(enriched.record) == {"summary": "Said", "stage": "new"}
    assert requested == ["c1"]
    for i in range(CACHE_SIZE):
        await details.enrich([conversation("c1", record=f'{{"stage": "s{i}"}}')])
    await details.enrich([row])
    assert len(requested) == CACHE_SIZE + 2


async def test_no_details_are_fetched_for_a_row_that_is_not_sparse(sandbox: Sandbox) -> None:
    """Ours: the mirror answers by itself."""
    row = {"ID": "c1", "ts": 1_780_000_000, "userName": "Ann", "summary": "Wants a demo"}
    sandbox.replace([row])
    async with connected(sandbox) as tool_client:
        assert (await tool_client.ask("get_lead", lead="Ann"))["lead"]["summary"] == "Wants a demo"
        assert count_requests_for(sandbox, "c1") == 0
