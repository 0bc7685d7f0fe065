"""The board is offered to clients that show apps, and nothing changes for the others."""

from typing import Any

import pytest
from mcp import Client
from mcp.client.extension import ClientExtension, advertise
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID

from convocore_mcp.sandbox import Sandbox
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp.mcp_server import create_server
from tests.surface.test_surface import NoAgents, plain
from tests.tool_client import connected

BOARD = "ui://convocore/board"
OPENING_TOOLS = {"summarize_hot_leads", "list_leads", "conversation_stats", "get_lead"}


def client_of(era: Any, *extensions: ClientExtension) -> Client:
    return Client(create_server(App(NoAgents, version="test")), mode=era, extensions=extensions)


def shows_apps() -> ClientExtension:
    return advertise(EXTENSION_ID, {"mimeTypes": [APP_MIME_TYPE]})


async def test_four_tools_point_to_the_board_for_a_client_that_shows_apps(era: Any) -> None:
    """Promised by docs/contract.md, "The board": nothing else of a tool changes.

    Holds docs/contract.md #board-tools.
    """
    async with client_of(era, shows_apps()) as client:
        tools = plain((await client.list_tools()).tools)
    async with client_of(era) as client:
        without = plain((await client.list_tools()).tools)

    pointing = {tool["name"]: tool.pop("_meta") for tool in tools if "_meta" in tool}
    assert pointing == {name: {"ui": {"resourceUri": BOARD}} for name in OPENING_TOOLS}
    assert tools == without


@pytest.mark.parametrize(
    "extension",
    [None, advertise(EXTENSION_ID), advertise(EXTENSION_ID, {"mimeTypes": ["text/plain"]})],
    ids=["none", "no types", "other types"],
)
async def test_other_clients_see_no_board(era: Any, extension: ClientExtension | None) -> None:
    """Promised by docs/contract.md, "The board".

    Holds docs/contract.md #board-others.
    """
    async with client_of(era, *([extension] if extension else [])) as client:
        assert not any("_meta" in tool for tool in plain((await client.list_tools()).tools))
        assert BOARD not in [found.uri for found in (await client.list_resources()).resources]
        capabilities = plain([client.server_capabilities])[0]
        assert EXTENSION_ID not in capabilities.get("extensions", {})


async def test_a_client_that_shows_apps_can_read_the_board(era: Any) -> None:
    """Promised by docs/contract.md, "The board": it asks no other place for anything.

    Holds docs/contract.md #board-page #board-listed.
    """
    async with client_of(era, shows_apps()) as client:
        listed = {found.uri: found for found in (await client.list_resources()).resources}
        assert listed[BOARD].mime_type == APP_MIME_TYPE
        (content,) = plain((await client.read_resource(BOARD)).contents)

    assert content["mimeType"] == APP_MIME_TYPE
    assert content["text"].startswith("<!doctype html>")
    assert not any(content["_meta"]["ui"]["csp"].values())


async def test_the_newer_era_is_told_that_the_server_has_apps() -> None:
    """Ours: the older era has no place for it.

    Holds docs/contract.md #board-listed.
    """
    async with client_of("auto", shows_apps()) as client:
        capabilities = plain([client.server_capabilities])[0]

    assert EXTENSION_ID in capabilities["extensions"]


async def test_an_answer_is_the_same_for_a_client_that_shows_apps(era: Any) -> None:
    """Promised by docs/contract.md, "The board": some clients show an empty frame.

    Holds docs/contract.md #board-others.
    """
    async with connected(Sandbox(size=60), mode=era) as tool_client:
        await tool_client.until_complete()
        arguments = {"of": "leads", "group_by": ["stage"]}
        expected = await tool_client.ask("conversation_stats", **arguments)
        other = Client(tool_client.server, mode=era, extensions=[shows_apps()])
        async with other as client:
            result = await client.call_tool("conversation_stats", arguments)

    assert {**(result.structured_content or {}), "freshness": 0} == {**expected, "freshness": 0}
