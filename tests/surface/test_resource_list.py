"""Resources are listed for every agent, in pages; answers tell how long they stay fresh."""

from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from convocore_mcp.sandbox import Sandbox
from tests.tool_client import connected

MANY = tuple(f"agent/{number}" for number in range(50))


async def test_the_list_of_resources_is_paged(era: Any) -> None:
    """Promised by docs/contract.md, "Resources". Ours: it opens no mirror."""
    sandbox = Sandbox(size=20)
    async with connected(sandbox, mode=era, agent_id=MANY) as tool_client:
        found, cursor = [], None
        while True:
            page = await tool_client.client.list_resources(cursor=cursor)
            found += [resource.uri for resource in page.resources]
            assert len(page.resources) <= 60
            cursor = page.next_cursor
            if cursor is None:
                break
        assert len(found) == len(set(found)) == 3 + 3 * len(MANY)
        assert "convocore://agents/agent%2F49/hot-leads" in found
        for bad in ("garbage", "LTYw", "OTk5", "é"):
            with pytest.raises(MCPError) as caught:
                await tool_client.client.list_resources(cursor=bad)
            assert caught.value.error.code == INVALID_PARAMS
    assert not sandbox.requests


async def test_every_listed_resource_can_be_read(era: Any) -> None:
    """Promised by docs/contract.md, "Resources".

    Holds docs/contract.md #json.
    """
    async with connected(Sandbox(size=60), mode=era) as tool_client:
        for resource in (await tool_client.client.list_resources()).resources:
            assert await tool_client.read(resource.uri)
            assert resource.mime_type == "application/json"


async def test_with_wrong_settings_the_static_resources_are_listed(era: Any) -> None:
    """Ours: tools tell what is wrong; a list that fails would hide the other resources."""
    async with connected(Sandbox(size=0), mode=era, region="mars") as tool_client:
        listed = [
            resource.uri for resource in (await tool_client.client.list_resources()).resources
        ]
    assert listed == [
        "convocore://agents", "convocore://schema/conversation", "convocore://schema/fields",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["hot-leads", "stats", "conversations"])
async def test_an_answer_stays_fresh_until_the_next_sync_is_due(name: str) -> None:
    """Promised by docs/contract.md, "Resources": a fitting `ttlMs`.

    Holds docs/contract.md #cache.
    """
    async with connected(Sandbox(size=60), incremental_sync_seconds=1000) as tool_client:
        result = await tool_client.client.read_resource(f"convocore://agents/demo-agent/{name}")
        agents = await tool_client.client.read_resource("convocore://agents")
    assert 900_000 < result.ttl_ms <= 1_000_000
    assert 900_000 < agents.ttl_ms <= 1_000_000
    assert result.cache_scope == agents.cache_scope == "private"


async def test_an_incomplete_answer_stays_fresh_for_seconds_only() -> None:
    """Ours: during the first full sync, each read brings more."""
    async with connected(Sandbox(size=60)) as tool_client:
        result = await tool_client.client.read_resource("convocore://agents")
    assert result.ttl_ms == 2000


async def test_answers_are_private_and_the_schema_is_public() -> None:
    """Promised by docs/contract.md, "Resources": the cache scopes.

    Holds docs/contract.md #cache.
    """
    async with connected(Sandbox(size=0)) as tool_client:
        assert (await tool_client.client.list_tools()).cache_scope == "public"
        assert (await tool_client.client.list_prompts()).cache_scope == "public"
        assert (await tool_client.client.list_resources()).cache_scope == "private"
        schema = await tool_client.client.read_resource("convocore://schema/conversation")
    assert (schema.cache_scope, schema.ttl_ms) == ("public", 24 * 3600 * 1000)
