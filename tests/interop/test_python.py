"""Clients in Python, over all transports: our SDK's in both eras, and FastMCP's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp_types import PromptReference, ResourceTemplateReference

from tests.interop.all_requests import (
    COMPLETIONS,
    PROMPTS,
    assert_complete,
    calls,
    comparable,
    uris,
)
from tests.interop.conftest import ServerUnderTest

TRANSPORTS = pytest.mark.parametrize("transport", ["stdio", "http", "sse"])


def as_json(model: Any) -> Any:
    """A model as JSON of the protocol."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def reference(request: dict[str, Any]) -> Any:
    kinds = {"ref/prompt": PromptReference, "ref/resource": ResourceTemplateReference}
    return kinds[request["ref"]["type"]](**request["ref"])


@asynccontextmanager
async def connected(server: ServerUnderTest, transport: str, era: Any) -> AsyncIterator[Client]:
    target: Any = getattr(server, transport, None)
    if transport == "stdio":
        command, *args = server.command
        target = StdioServerParameters(command=command, args=args, env=server.env)
    elif transport == "sse":
        target = sse_client(server.sse)
    async with Client(target, mode=era) as client:
        yield client


async def send_all(client: Client, conversation_id: str) -> dict[str, Any]:
    """The results that the SDK's client got."""
    return {
        "instructions": client.instructions,
        "tools": [as_json(tool) for tool in (await client.list_tools()).tools],
        "resources": [as_json(resource) for resource in (await client.list_resources()).resources],
        "templates": [
            as_json(template)
            for template in (await client.list_resource_templates()).resource_templates
        ],
        "prompts": [as_json(prompt) for prompt in (await client.list_prompts()).prompts],
        "toolResults": [
            as_json(await client.call_tool(call["name"], call["arguments"]))
            for call in calls(conversation_id)
        ],
        "resourceContents": [
            as_json(await client.read_resource(uri))["contents"] for uri in uris(conversation_id)
        ],
        "promptMessages": [
            as_json(await client.get_prompt(request["name"], request.get("arguments")))["messages"]
            for request in PROMPTS
        ],
        "completions": [
            (await client.complete(reference(request), request["argument"])).completion.values
            for request in COMPLETIONS
        ],
    }


@TRANSPORTS
async def test_our_own_sdk_gets_equal_results_in_both_eras(
    server: ServerUnderTest, transport: str
) -> None:
    """Promised by docs/operations.md, "HTTP". On each transport."""
    by_era = []
    for era in ("auto", "legacy"):
        async with connected(server, transport, era) as client:
            assert (client.protocol_version >= "2026") == (era == "auto")
            by_era.append(await send_all(client, server.conversation_id))
    for results in by_era:
        assert_complete(results)
    assert comparable(by_era[0]) == comparable(by_era[1])


@TRANSPORTS
async def test_the_client_of_fastmcp_sends_every_request(
    server: ServerUnderTest, transport: str
) -> None:
    """Promised by docs/operations.md, "HTTP"."""
    # Here, since each test process would import it for seconds.
    import fastmcp
    from fastmcp.client.transports import SSETransport, StdioTransport, StreamableHttpTransport

    command, *args = server.command
    client_transport: Any = {
        "stdio": StdioTransport(command, args, env=server.env),
        "http": StreamableHttpTransport(server.http),
        "sse": SSETransport(server.sse),
    }[transport]
    async with fastmcp.Client(client_transport) as client:
        assert_complete(
            {
                "instructions": client.instructions,
                "tools": [as_json(tool) for tool in await client.list_tools()],
                "resources": [as_json(resource) for resource in await client.list_resources()],
                "templates": [
                    as_json(template) for template in await client.list_resource_templates()
                ],
                "prompts": [as_json(prompt) for prompt in await client.list_prompts()],
                "toolResults": [
                    as_json(await client.call_tool_mcp(call["name"], call["arguments"]))
                    for call in calls(server.conversation_id)
                ],
                "resourceContents": [
                    [as_json(content) for content in await client.read_resource(uri)]
                    for uri in uris(server.conversation_id)
                ],
                "promptMessages": [
                    as_json(await client.get_prompt(request["name"], request.get("arguments")))[
                        "messages"
                    ]
                    for request in PROMPTS
                ],
                "completions": [
                    (await client.complete(reference(request), request["argument"])).values
                    for request in COMPLETIONS
                ],
            }
        )
