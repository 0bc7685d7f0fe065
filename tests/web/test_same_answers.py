"""Answers are equal, byte for byte, on every transport and in both eras of the protocol."""

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.shared.exceptions import MCPError

from convocore_mcp.sandbox import Sandbox, serving
from tests.web.web_server import RunningServer, initialize_request, run_server

Mode = Literal["auto", "legacy"]
CONNECTIONS: list[tuple[str, Mode]] = [
    (transport, mode) for transport in ("stdio", "http", "sse") for mode in ("auto", "legacy")
]
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("list_conversations", {}),
    ("list_conversations", {"query": "demo", "limit": 3, "detail": "full", "sort": "score"}),
    ("list_conversations", {"stage": ["none-such"], "limit": 3}),
    ("list_conversations", {"nonsense": 1}),
    ("get_lead", {"lead": "maria"}),
    ("get_lead", {"lead": "nobody at all"}),
    ("summarize_hot_leads", {"top": 3, "explain": True}),
    ("conversation_stats", {"group_by": ["stage", "channel"]}),
    ("list_changes", {"since": "2026-01-01"}),
    ("no_such_tool", {}),
]
URIS = [
    "convocore://agents",
    "convocore://agents/demo-agent/hot-leads",
    "convocore://agents/demo-agent/stats",
    "convocore://agents/demo-agent/conversations?limit=2",
    "convocore://schema/conversation",
    "convocore://agents/demo-agent/conversations/none",
]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of a mirror that several processes share, and that stays fresh for a day."""
    sandbox = Sandbox(size=400)
    with serving(sandbox) as base_url:
        yield {
            "CONVOCORE_API_KEY": sandbox.key,
            "CONVOCORE_AGENT_ID": sandbox.agent_id,
            "CONVOCORE_BASE_URL": base_url,
            "CONVOCORE_STORE": str(tmp_path_factory.mktemp("mirror") / "mirror.sqlite3"),
            "CONVOCORE_INCREMENTAL_SYNC_SECONDS": "86400",
            "CONVOCORE_DETAILS": "off",  # an answer says how many are not read yet
        }


@pytest.fixture(scope="module")
def server(
    mirror: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """HTTP and HTTP+SSE, from one process."""
    with run_server(tmp_path_factory.mktemp("server"), env=mirror) as running:
        yield running


@asynccontextmanager
async def connected_client(
    connection: tuple[str, Mode], server: RunningServer, mirror: dict[str, str]
) -> AsyncIterator[Client]:
    transport, mode = connection
    source: Any = f"{server.url}/mcp"
    if transport == "stdio":
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CONVOCORE_")}
        source = StdioServerParameters(
            command=sys.executable, args=["-m", "convocore_mcp"], env=kept | mirror
        )
    elif transport == "sse":
        source = sse_client(f"{server.url}/sse")
    async with Client(source, mode=mode, cache=None) as client:
        yield client


def comparable(result: Any) -> str:
    """A result without the fields that only one era has: its metadata and cache hints."""
    fields = result.model_dump(mode="json", by_alias=True, exclude_none=True)
    for name in ("_meta", "resultType", "ttlMs", "cacheScope"):
        fields.pop(name, None)
    # A cursor holds the second in which it was made.
    return re.sub(
        r'(next_(?:cursor|uri)\\*": *\\*")[^"\\]+', r"\1…", json.dumps(fields, ensure_ascii=False)
    )


def with_sorted_keys(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True)


async def all_answers(client: Client) -> dict[str, str]:
    """The answers to all requests, by request."""
    answers = {
        # The order of a schema's keys depends on the era; their content does not.
        "tools": with_sorted_keys(comparable(await client.list_tools())),
        "resources": with_sorted_keys(comparable(await client.list_resources())),
        "templates": with_sorted_keys(comparable(await client.list_resource_templates())),
        "prompts": with_sorted_keys(comparable(await client.list_prompts())),
        "instructions": str(client.instructions),
    }
    for tool, arguments in CALLS:
        answers[f"{tool} {arguments}"] = comparable(await client.call_tool(tool, arguments))
    for uri in URIS:
        try:
            answers[uri] = comparable(await client.read_resource(uri))
        except MCPError as error:
            answers[uri] = f"{error.error.code} {error.error.message}"
    answers["prompt"] = comparable(await client.get_prompt("prepare_for_call", {"lead": "maria"}))
    return answers


async def test_answers_are_equal_byte_for_byte(
    server: RunningServer, mirror: dict[str, str]
) -> None:
    """Promised by docs/operations.md, "HTTP". On three transports and in both eras.

    Holds docs/contract.md #transports.
    """
    async with connected_client(("http", "auto"), server, mirror) as client:
        await client.call_tool("conversation_stats", {})  # fills the mirror
    for attempt in range(2):
        # "waiting for 3 h 10 min" may become 11 in between: then ask everything once more.
        by_connection = []
        for connection in CONNECTIONS:
            async with connected_client(connection, server, mirror) as client:
                by_connection.append(await all_answers(client))
        expected = by_connection[0]
        if all(answers == expected for answers in by_connection) or attempt == 1:
            break
    for connection, answers in zip(CONNECTIONS, by_connection, strict=True):
        for request, answer in answers.items():
            assert answer == expected[request], (connection, request)
    assert '"isError": true' in expected["no_such_tool {}"]
    assert json.loads(expected["list_conversations {}"])["structuredContent"]["total"] > 300


async def test_the_sse_transport_has_no_streamable_http(tmp_path: Path) -> None:
    """Promised by docs/operations.md, "HTTP"."""
    with run_server(tmp_path, "--demo", transport="sse") as server:
        async with Client(sse_client(f"{server.url}/sse")) as client:
            assert len((await client.list_tools()).tools) >= 5
        headers, body = initialize_request()
        async with httpx.AsyncClient(trust_env=False) as http:
            response = await http.post(f"{server.url}/mcp", json=body, headers=headers)
            board = await http.get(f"{server.url}/board")  # it speaks Streamable HTTP alone
        assert (response.status_code, board.status_code) == (404, 404)
