"""Clients in Python, over all transports: our SDK's in both eras, and FastMCP's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import fastmcp
import pytest
from fastmcp.client.transports import SSETransport, StdioTransport, StreamableHttpTransport
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp_types import PromptReference, ResourceTemplateReference

from tests.interop.conftest import Served
from tests.interop.everything import CALLS, COMPLETIONS, PROMPTS, answers, assert_everything, uris

TRANSPORTS = pytest.mark.parametrize("transport", ["stdio", "http", "sse"])


def wire(thing: Any) -> Any:
    """A model as it is written on the wire."""
    return thing.model_dump(mode="json", by_alias=True, exclude_none=True)


def reference(asked: dict[str, Any]) -> Any:
    kinds = {"ref/prompt": PromptReference, "ref/resource": ResourceTemplateReference}
    return kinds[asked["ref"]["type"]](**asked["ref"])


@asynccontextmanager
async def connected(served: Served, transport: str, era: Any) -> AsyncIterator[Client]:
    server: Any = getattr(served, transport, None)
    if transport == "stdio":
        command, *args = served.command
        server = StdioServerParameters(command=command, args=args, env=served.env)
    elif transport == "sse":
        server = sse_client(served.sse)
    async with Client(server, mode=era) as client:
        yield client


async def everything(client: Client, conversation_id: str) -> dict[str, Any]:
    """What the SDK's client heard."""
    return {
        "instructions": client.instructions,
        "tools": [wire(tool) for tool in (await client.list_tools()).tools],
        "resources": [wire(resource) for resource in (await client.list_resources()).resources],
        "templates": [
            wire(found) for found in (await client.list_resource_templates()).resource_templates
        ],
        "prompts": [wire(prompt) for prompt in (await client.list_prompts()).prompts],
        "called": [wire(await client.call_tool(call["name"], call["arguments"])) for call in CALLS],
        "read": [
            wire(await client.read_resource(uri))["contents"] for uri in uris(conversation_id)
        ],
        "got": [
            wire(await client.get_prompt(asked["name"], asked.get("arguments")))["messages"]
            for asked in PROMPTS
        ],
        "completed": [
            (await client.complete(reference(asked), asked["argument"])).completion.values
            for asked in COMPLETIONS
        ],
    }


@TRANSPORTS
async def test_our_own_sdk_hears_the_same_in_both_eras(served: Served, transport: str) -> None:
    """Promised by issue 4: answers over each transport are equal in both eras."""
    said = []
    for era in ("auto", "legacy"):
        async with connected(served, transport, era) as client:
            assert (client.protocol_version >= "2026") == (era == "auto")
            said.append(await everything(client, served.conversation_id))
    for told in said:
        assert_everything(told)
    assert answers(said[0]) == answers(said[1])


@TRANSPORTS
async def test_fastmcps_client_asks_for_everything(served: Served, transport: str) -> None:
    """Asked for by issue 4."""
    command, *args = served.command
    way: Any = {
        "stdio": StdioTransport(command, args, env=served.env),
        "http": StreamableHttpTransport(served.http),
        "sse": SSETransport(served.sse),
    }[transport]
    async with fastmcp.Client(way) as client:
        assert_everything(
            {
                "instructions": client.instructions,
                "tools": [wire(tool) for tool in await client.list_tools()],
                "resources": [wire(resource) for resource in await client.list_resources()],
                "templates": [wire(found) for found in await client.list_resource_templates()],
                "prompts": [wire(prompt) for prompt in await client.list_prompts()],
                "called": [
                    wire(await client.call_tool_mcp(call["name"], call["arguments"]))
                    for call in CALLS
                ],
                "read": [
                    [wire(content) for content in await client.read_resource(uri)]
                    for uri in uris(served.conversation_id)
                ],
                "got": [
                    wire(await client.get_prompt(asked["name"], asked.get("arguments")))["messages"]
                    for asked in PROMPTS
                ],
                "completed": [
                    (await client.complete(reference(asked), asked["argument"])).values
                    for asked in COMPLETIONS
                ],
            }
        )
