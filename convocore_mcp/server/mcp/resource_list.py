"""The list of resources: what every agent has, page by page.

People and conversations are not listed one by one: there may be a hundred thousand. They are found
through the resource `conversations`, and the templates' parameters complete.
"""

import base64
import binascii
import logging
from typing import Any
from urllib.parse import quote

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, ListResourcesResult, PaginatedRequestParams, Resource

from convocore_mcp.errors import ConvocoreError
from convocore_mcp.server.backend import App

log = logging.getLogger(__name__)

PAGE = 60
"""Resources in a page."""
EACH = ("hot-leads", "stats", "conversations")
"""What every agent has under a URI of its own."""


def add_resource_list(server: MCPServer[App], app: App) -> None:
    """List the agents' resources beside those that are registered, in pages."""

    async def page(
        _: ServerRequestContext[Any, Any], params: PaginatedRequestParams
    ) -> ListResourcesResult:
        listed = [*await server.list_resources(), *await _of_agents(server, app)]
        start = _read(params.cursor, len(listed))
        more = start + PAGE < len(listed)
        return ListResourcesResult(
            resources=listed[start : start + PAGE],
            next_cursor=_write(start + PAGE) if more else None,
        )

    low = server._lowlevel_server  # noqa: SLF001  the high level never pages
    low.add_request_handler("resources/list", PaginatedRequestParams, page)


async def _of_agents(server: MCPServer[App], app: App) -> list[Resource]:
    try:
        agents = await app.agents()
    except ConvocoreError as error:
        # Every tool says so, and what to do; a list that fails would hide the rest.
        log.warning("The agents can't be listed: %s", error.message)
        return []
    templates = {t.uri_template: t for t in await server.list_resource_templates()}
    found = []
    for agent in agents:
        for kind in EACH:
            template = next(t for uri, t in templates.items() if f"/{kind}" in uri)
            title = template.title if len(agents) == 1 else f"{template.title} of {agent}"
            found.append(
                Resource(
                    uri=f"convocore://agents/{quote(agent, safe='')}/{kind}",
                    name=template.name,
                    title=title,
                    description=template.description,
                    mime_type=template.mime_type,
                )
            )
    return found


def _write(start: int) -> str:
    return base64.urlsafe_b64encode(str(start).encode()).decode()


def _read(cursor: str | None, count: int) -> int:
    if cursor is None:
        return 0
    try:
        start = int(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        start = 0
    if start not in range(PAGE, count, PAGE):
        raise MCPError(
            code=INVALID_PARAMS,
            message="cursor: is not one that resources/list gave out. List again without it.",
        )
    return start
