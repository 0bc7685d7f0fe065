"""The resources: the same answers as the tools give, under URIs.

What only answers need is imported by the first of them, as in `tools`.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote, urlencode

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from convocore_mcp.errors import ConvocoreError, InvalidArgumentError, MissingError
from convocore_mcp.server.backend import App, Backend
from convocore_mcp.server.rendering import compact, crashed, error_body
from convocore_mcp.server.sanitize import sanitize

JSON = "application/json"
ROOT = "convocore://agents"
SCHEMA = "convocore://schema/conversation"
INCOMPLETE_TTL = timedelta(seconds=2)
"""While the list is still being read, asking again soon brings more."""
SCHEMA_TTL = timedelta(days=1)
Answer = dict[str, Any]


@dataclass(slots=True)
class Hint:
    """How long what is being read stays fresh, and who may keep it."""

    ttl: timedelta = timedelta()
    scope: Literal["private", "public"] = "private"


_hint: ContextVar[Hint] = ContextVar("hint")
"""Of the request under way: only who answers knows it, and it is not part of the answer."""


def add_resources(server: MCPServer[App], app: App) -> None:
    """Register every resource of the contract."""

    def add(uri: str, name: str, title: str, description: str) -> Callable[[Any], Any]:
        return server.resource(uri, name=name, title=title, description=description, mime_type=JSON)

    @add(ROOT, "agents", "Agents", "The configured agents, with region, coverage and size.")
    async def agents() -> str:
        return await _answer(app, None, _agents)

    @add(SCHEMA, "conversation_schema", "Schema", "JSON Schema of a conversation record.")
    async def schema() -> str:
        _keep(SCHEMA_TTL, "public")
        return compact(app.record_schema())

    @add(
        f"{ROOT}/{{agent_id}}/conversations{{?cursor,limit}}",
        "conversations",
        "Conversations",
        "Brief rows, newest first, with the next page's URI in next_uri.",
    )
    async def conversations(
        ctx: Context[App], agent_id: str, cursor: str = "", limit: str = "20"
    ) -> str:
        return await _answer(
            app, ctx, lambda b: _conversations(b, b.agent(agent_id), cursor, limit)
        )

    @add(
        f"{ROOT}/{{agent_id}}/conversations/{{conversation_id}}",
        "conversation",
        "Conversation record",
        "The whole record of one conversation; secrets and session keys left out.",
    )
    async def conversation(ctx: Context[App], agent_id: str, conversation_id: str) -> str:
        from convocore_mcp.server.answers.conversation_record import record_answer  # noqa: PLC0415

        return await _answer(
            app, ctx, lambda b: record_answer(b, b.agent(agent_id), conversation_id)
        )

    @add(
        f"{ROOT}/{{agent_id}}/leads/{{lead_id}}",
        "lead",
        "Lead",
        "Everything about one person, as get_lead answers.",
    )
    async def lead(ctx: Context[App], agent_id: str, lead_id: str) -> str:
        from convocore_mcp.server.answers.get_lead import get_lead_answer  # noqa: PLC0415

        return await _answer(
            app, ctx, lambda b: get_lead_answer(b, b.agent(agent_id), lead_id.strip())
        )

    @add(
        f"{ROOT}/{{agent_id}}/hot-leads",
        "hot_leads",
        "Hot leads",
        "Who to contact first, as summarize_hot_leads answers.",
    )
    async def hot_leads(ctx: Context[App], agent_id: str) -> str:
        from convocore_mcp.server.answers.summarize_hot_leads import (  # noqa: PLC0415
            HotLeadsRequest,
            summarize_hot_leads_answer,
        )

        return await _answer(
            app, ctx, lambda b: summarize_hot_leads_answer(b, b.agent(agent_id), HotLeadsRequest())
        )

    @add(
        f"{ROOT}/{{agent_id}}/stats",
        "stats",
        "Statistics",
        "Totals, and the pipeline by stage.",
    )
    async def stats(ctx: Context[App], agent_id: str) -> str:
        from convocore_mcp.models import Filter  # noqa: PLC0415
        from convocore_mcp.server.answers.conversation_stats import (  # noqa: PLC0415
            StatsRequest,
            conversation_stats_answer,
        )

        by_stage = StatsRequest(group_by=("stage",))
        return await _answer(
            app, ctx, lambda b: conversation_stats_answer(b, b.agent(agent_id), Filter(), by_stage)
        )

    server.middleware.append(_with_hints)


async def _answer(
    app: App, ctx: Context[App] | None, ask: Callable[[Backend], Awaitable[Answer]]
) -> str:
    """Show an answer as compact JSON, or our own error."""
    try:
        backend = await app.backend(ctx.report_progress if ctx else None)
        answer = await ask(backend)
        _keep(_lifetime(backend, answer))
        return compact(answer)
    except MissingError as error:
        raise ResourceNotFoundError(compact(error_body(error))) from error
    except ConvocoreError as error:
        raise ResourceError(compact(error_body(error))) from error
    except Exception as error:
        raise ResourceError(compact(error_body(crashed(error)))) from error


def _lifetime(backend: Backend, answer: Answer) -> timedelta:
    """Until when nothing would be read for this answer: asking before that brings the same."""
    told = [answer["freshness"]] if "freshness" in answer else answer["agents"]
    if not all(fresh["complete"] and "as_of" in fresh for fresh in told):
        return INCOMPLETE_TTL
    oldest = min(datetime.fromisoformat(fresh["as_of"]) for fresh in told)
    return max(oldest + backend.refresh_interval - backend.now(), timedelta())


async def _agents(backend: Backend) -> Answer:
    from convocore_mcp.server.answers.view_builders import when  # noqa: PLC0415

    listed = []
    for agent_id in backend.agents:
        held = await backend.read(backend.coverage, agent_id)
        listed.append(
            {
                "agent_id": agent_id,
                "region": backend.region,
                "conversations": held.conversations,
                "complete": held.complete,
                "as_of": when(held.as_of),
                "oldest": when(held.oldest),
                "quarantined": held.quarantined or None,
            }
        )
    answer: Answer = sanitize({"agents": listed})
    return answer


async def _conversations(backend: Backend, agent: str, cursor: str, limit: str) -> Answer:
    from convocore_mcp.models import Filter  # noqa: PLC0415
    from convocore_mcp.server.answers.list_conversations import (  # noqa: PLC0415
        ListRequest,
        list_conversations_answer,
    )

    if not (limit.isdecimal() and 1 <= int(limit[:4]) <= 100):
        raise InvalidArgumentError(
            f"limit: {limit[:20]!r} is not a number from 1 to 100.", hint="Use limit=20."
        )
    page = await list_conversations_answer(
        backend, agent, Filter(), ListRequest(limit=int(limit), cursor=cursor)
    )
    if following := page.get("next_cursor"):
        query = urlencode({"cursor": following, "limit": limit})
        page["next_uri"] = f"{ROOT}/{quote(agent, safe='')}/conversations?{query}"
    return page


def _keep(ttl: timedelta, scope: Literal["private", "public"] = "private") -> None:
    hint = _hint.get(Hint())
    hint.ttl, hint.scope = ttl, scope


async def _with_hints(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Say how long what was read stays fresh, and who may keep it."""
    hint = Hint()
    token = _hint.set(hint)
    try:
        result = await call_next(ctx)
    finally:
        _hint.reset(token)
    if ctx.method == "resources/read" and isinstance(result, dict) and "ttlMs" in result:
        result["ttlMs"] = hint.ttl // timedelta(milliseconds=1)
        result["cacheScope"] = hint.scope
    return result
