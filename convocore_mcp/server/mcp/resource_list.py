"""Lists the resources of every agent, in pages.

Leads and conversations are not listed one by one, because there may be a hundred thousand. Clients
find them through the resource `conversations` and by completing the templates' parameters.
"""

import base64
import binascii
import logging
from urllib.parse import quote

from mcp.server.mcpserver import MCPServer
from mcp_types import ListResourcesResult, PaginatedRequestParams, Resource

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.calls.lifetime import App
from convocore_mcp.server.mcp import RequestContext
from convocore_mcp.server.mcp.apps import shown_resources
from convocore_mcp.server.rendering import listed_resource, protocol_error

log = logging.getLogger(__name__)

PAGE_SIZE = 60
KINDS_OF_EACH_AGENT = ("hot-leads", "stats", "conversations")
"""The last part of the URIs that every agent has."""


def add_resource_list(server: MCPServer[App], app: App) -> None:
    """List the registered resources and those of the agents, in pages."""

    async def page(ctx: RequestContext, params: PaginatedRequestParams) -> ListResourcesResult:
        registered = shown_resources(ctx, await server.list_resources())
        resources = [*registered, *await _of_agents(server, app)]
        start = _decode_cursor(params.cursor, len(resources))
        end = start + PAGE_SIZE
        return ListResourcesResult(
            resources=resources[start:end],
            next_cursor=_encode_cursor(end) if end < len(resources) else None,
        )

    low_level = server._lowlevel_server  # noqa: SLF001  the SDK's high level has no pages
    low_level.add_request_handler("resources/list", PaginatedRequestParams, page)


async def _of_agents(server: MCPServer[App], app: App) -> list[Resource]:
    try:
        agents = await app.agents()
    except ConvocoreError as error:
        # The error of any tool says what to do; a list that fails would hide the other resources.
        log.warning("The agents can't be listed: %s", error.message)
        return []
    templates = {t.uri_template: t for t in await server.list_resource_templates()}
    found = []
    for agent in agents:
        for kind in KINDS_OF_EACH_AGENT:
            template = next(t for uri, t in templates.items() if f"/{kind}" in uri)
            title = f"{template.title} of {agent}" if len(agents) > 1 else template.title or ""
            uri = f"convocore://agents/{quote(agent, safe='')}/{kind}"
            found.append(listed_resource(uri, template, title, agent=agent))
    return found


def _encode_cursor(start: int) -> str:
    return base64.urlsafe_b64encode(str(start).encode()).decode()


def _decode_cursor(cursor: str | None, count: int) -> int:
    if cursor is None:
        return 0
    try:
        start = int(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        start = 0
    if start not in range(PAGE_SIZE, count, PAGE_SIZE):
        raise protocol_error("cursor: it was not given by resources/list. List again without it.")
    return start
