"""The resources: the same answers as the tools give, under URIs."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from convocore_mcp.errors import ConvocoreError, InvalidArgumentError, MissingError
from convocore_mcp.models import Filter
from convocore_mcp.server import shaping
from convocore_mcp.server.answers import compact, crashed, error_body
from convocore_mcp.server.app import App, Backend
from convocore_mcp.server.heat import HotAsk, hot_answer
from convocore_mcp.server.lists import Ask, list_page
from convocore_mcp.server.outbound import clean
from convocore_mcp.server.people import lead_answer
from convocore_mcp.server.records import record_answer
from convocore_mcp.server.stats import StatsAsk, stats_answer

JSON = "application/json"
ROOT = "convocore://agents"
SCHEMA = "convocore://schema/conversation"
TTL = 30_000
"""Milliseconds for which an answer is as fresh as the mirror would be."""
SCHEMA_TTL = 24 * 3600 * 1000
Answer = dict[str, Any]


def add_resources(server: MCPServer[App], app: App) -> None:
    """Register every resource of the contract."""

    def add(uri: str, name: str, title: str, description: str) -> Callable[[Any], Any]:
        return server.resource(uri, name=name, title=title, description=description, mime_type=JSON)

    by_stage = StatsAsk(group_by=("stage",))

    @add(ROOT, "agents", "Agents", "The configured agents, with region, coverage and size.")
    async def agents() -> str:
        return await _answer(app, _agents)

    @add(SCHEMA, "conversation_schema", "Schema", "JSON Schema of a conversation record.")
    async def schema() -> str:
        return compact(app.record_schema())

    @add(
        f"{ROOT}/{{agent_id}}/conversations{{?cursor,limit}}",
        "conversations",
        "Conversations",
        "Brief rows, newest first, with the next page's URI in next_uri.",
    )
    async def conversations(agent_id: str, cursor: str = "", limit: str = "20") -> str:
        return await _answer(app, lambda b: _conversations(b, b.agent(agent_id), cursor, limit))

    @add(
        f"{ROOT}/{{agent_id}}/conversations/{{conversation_id}}",
        "conversation",
        "Conversation record",
        "The whole record of one conversation; secrets and session keys left out.",
    )
    async def conversation(agent_id: str, conversation_id: str) -> str:
        return await _answer(app, lambda b: record_answer(b, b.agent(agent_id), conversation_id))

    @add(
        f"{ROOT}/{{agent_id}}/leads/{{lead_id}}",
        "lead",
        "Lead",
        "Everything about one person, as get_lead answers.",
    )
    async def lead(agent_id: str, lead_id: str) -> str:
        return await _answer(app, lambda b: lead_answer(b, b.agent(agent_id), lead_id.strip()))

    @add(
        f"{ROOT}/{{agent_id}}/hot-leads",
        "hot_leads",
        "Hot leads",
        "Who to contact first, as summarize_hot_leads answers.",
    )
    async def hot_leads(agent_id: str) -> str:
        return await _answer(app, lambda b: hot_answer(b, b.agent(agent_id), HotAsk()))

    @add(
        f"{ROOT}/{{agent_id}}/stats",
        "stats",
        "Statistics",
        "Totals, and the pipeline by stage.",
    )
    async def stats(agent_id: str) -> str:
        return await _answer(app, lambda b: stats_answer(b, b.agent(agent_id), Filter(), by_stage))

    server.middleware.append(_with_hints)


async def _answer(app: App, ask: Callable[[Backend], Awaitable[Answer]]) -> str:
    """Show an answer as compact JSON, or our own error."""
    try:
        return compact(await ask(await app.backend()))
    except MissingError as error:
        raise ResourceNotFoundError(compact(error_body(error))) from error
    except ConvocoreError as error:
        raise ResourceError(compact(error_body(error))) from error
    except Exception as error:
        raise ResourceError(compact(error_body(crashed(error)))) from error


async def _agents(backend: Backend) -> Answer:
    listed = []
    for agent_id in backend.agents:
        held = await backend.read(backend.coverage, agent_id)
        listed.append(
            {
                "agent_id": agent_id,
                "region": backend.region,
                "conversations": held.conversations,
                "complete": held.complete,
                "as_of": shaping.when(held.as_of),
                "oldest": shaping.when(held.oldest),
                "quarantined": held.quarantined or None,
            }
        )
    answer: Answer = clean({"agents": listed})
    return answer


async def _conversations(backend: Backend, agent: str, cursor: str, limit: str) -> Answer:
    if not (limit.isdecimal() and 1 <= int(limit[:4]) <= 100):
        raise InvalidArgumentError(
            f"limit: {limit[:20]!r} is not a number from 1 to 100.", hint="Use limit=20."
        )
    page = await list_page(backend, agent, Filter(), Ask(limit=int(limit), cursor=cursor))
    if following := page.get("next_cursor"):
        query = urlencode({"cursor": following, "limit": limit})
        page["next_uri"] = f"{ROOT}/{quote(agent, safe='')}/conversations?{query}"
    return page


async def _with_hints(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Say how long what was read stays fresh, and who may keep it."""
    result = await call_next(ctx)
    if ctx.method == "resources/read" and isinstance(result, dict) and "ttlMs" in result:
        uri = str((ctx.params or {}).get("uri", "")) if isinstance(ctx.params, Mapping) else ""
        public = re.fullmatch(re.escape(SCHEMA) + "/?", uri)
        result["ttlMs"] = SCHEMA_TTL if public else TTL
        result["cacheScope"] = "public" if public else "private"
    return result
