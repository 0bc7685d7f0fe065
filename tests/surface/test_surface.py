"""The surface that models and clients see changes only by a reviewed diff, and costs few tokens."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.shared.inbound import X_MCP_HEADER_KEY

from benchmarks.questions.tokens import tokens
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.mcp_server import create_server
from convocore_mcp.server.tools import TOOLS

SNAPSHOTS = Path(__file__).parent.parent / "snapshots"
UPDATE = "CONVOCORE_UPDATE_SNAPSHOTS"


class NoAgents:
    """An assembly without agents: the surface is the same for everybody."""

    async def build_backend(self) -> Backend:
        raise AssertionError("the surface was listed, and the mirror opened for it")

    async def configured_agents(self) -> tuple[str, ...]:
        return ()

    async def answer_seconds(self) -> float:
        return 4

    async def audit_log(self) -> None:
        return None

    def record_schema(self) -> dict[str, Any]:
        return {}

    def field_table(self) -> dict[str, Any]:
        return {}


@pytest.fixture
async def client(era: Any) -> AsyncIterator[Client]:
    app = App(NoAgents, version="test")
    async with Client(create_server(app), mode=era) as found:
        yield found


def compare(name: str, listed: Any) -> None:
    """Fails when `listed` differs from the committed snapshot."""
    path = SNAPSHOTS / f"{name}.json"
    text = json.dumps(listed, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get(UPDATE):
        path.write_text(text)
    hint = f"{name} changed. If that is meant: {UPDATE}=1 pytest -n0 {Path(__file__).name}, commit."
    assert path.read_text() == text, hint


def plain(things: Any) -> list[Any]:
    return [thing.model_dump(mode="json", by_alias=True, exclude_none=True) for thing in things]


async def test_the_surface_equals_its_snapshots(client: Client) -> None:
    """Promised by docs/contract.md: the whole surface is a snapshot, the same in both eras.

    Holds docs/contract.md #snapshots.
    """
    compare("tools", plain((await client.list_tools()).tools))
    compare("prompts", plain((await client.list_prompts()).prompts))
    compare("resources", plain((await client.list_resources()).resources))
    compare("templates", plain((await client.list_resource_templates()).resource_templates))
    compare("instructions", (client.instructions or "").splitlines())
    compare("capabilities", plain([client.server_capabilities])[0])


async def test_the_tools_cost_at_most_2900_tokens(client: Client) -> None:
    """Promised by docs/performance.md, "Targets".

    Holds docs/contract.md #tokens.
    """
    listed = [
        {name: tool[name] for name in ("name", "description", "inputSchema")}
        for tool in plain((await client.list_tools()).tools)
    ]
    text = "".join(json.dumps(t, separators=(",", ":"), ensure_ascii=False) for t in listed)
    assert tokens(text) <= 2900


async def test_instructions_and_descriptions_are_short_enough_not_to_be_cut(
    client: Client,
) -> None:
    """Ours: clients cut these texts at 2,048 characters.

    Holds docs/contract.md #short-texts.
    """
    assert 0 < len(client.instructions or "") < 1900
    for tool in (await client.list_tools()).tools:
        assert 0 < len(tool.description or "") < 1000
        assert (tool.description or "").startswith("Use this ")
        assert tool.annotations
        assert tool.annotations.read_only_hint
        assert tool.annotations.idempotent_hint
        assert tool.title
    assert [tool.name for tool in (await client.list_tools()).tools] == [
        f.__name__ for f, _ in TOOLS
    ]


async def test_no_argument_is_repeated_in_a_header(client: Client) -> None:
    """Ours: so the server need not look through the schema at each call (`create_server`)."""
    server = create_server(App(NoAgents, version="test"))
    look_up = server._lowlevel_server.get_tool_input_schema  # noqa: SLF001
    assert look_up is not None
    assert look_up("list_leads") is None
    for tool in (await client.list_tools()).tools:
        assert X_MCP_HEADER_KEY not in json.dumps(tool.input_schema).lower()


async def test_every_tool_parameter_prompt_argument_and_template_is_described(
    client: Client,
) -> None:
    """Promised by docs/contract.md, "Tools": each parameter is described; schemas are flat.

    Holds docs/contract.md #input-schemas #output-schemas.
    """
    for tool in plain((await client.list_tools()).tools):
        for name, parameter in tool["inputSchema"]["properties"].items():
            assert parameter.get("description"), f"{tool['name']}: {name}"
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            text = json.dumps(schema)
            assert "$ref" not in text
            assert '"null"' not in text
            assert "anyOf" not in text
        text = json.dumps(tool["inputSchema"])
        assert "additionalProperties" not in text
        for parameter in tool["inputSchema"]["properties"].values():
            assert parameter.get("type") != "array" or "maxItems" in parameter
    for prompt in (await client.list_prompts()).prompts:
        assert prompt.title
        assert prompt.description
        assert all(argument.description for argument in prompt.arguments or ())
    for template in (await client.list_resource_templates()).resource_templates:
        assert template.title
        assert template.description


async def test_an_unknown_tool_is_named_and_the_known_ones_listed(client: Client) -> None:
    """Ours: a tool error, because models do not see protocol errors."""
    result = await client.call_tool("list_orders", {})
    assert result.is_error
    error = json.loads(result.content[0].text)["error"]  # type: ignore[union-attr]
    assert error["code"] == "invalid_argument"
    assert "list_orders" in error["message"]
    assert all(fn.__name__ in error["hint"] for fn, _ in TOOLS)
