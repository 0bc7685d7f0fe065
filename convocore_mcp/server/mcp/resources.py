"""The resources: the same answers as those of the tools, under URIs."""

import functools
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote, urlencode

from mcp.server.context import CallNext, HandlerResult
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resources.templates import ResourceSecurity

from convocore_mcp.errors import ConvocoreError, InvalidArgumentError
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.calls.lifetime import App, backend_for
from convocore_mcp.server.mcp import RequestContext
from convocore_mcp.server.rendering import (
    SafeText,
    answer_text,
    internal_error,
    resource_failure,
    trusted_text,
)
from convocore_mcp.server.requests import ConversationsRequest, HotLeadsRequest, StatsRequest
from convocore_mcp.server.sanitize import JsonObject

JSON = "application/json"
ROOT = "convocore://agents"
AGENT = f"{ROOT}/{{agent_id}}"
SCHEMA = "convocore://schema/conversation"
FIELDS = "convocore://schema/fields"
INCOMPLETE_TTL = timedelta(seconds=2)
"""During the first full sync, reading the resource again soon brings more."""
MAX_LIMIT_DIGITS = 4
"""Digits that `limit` may have. Python raises an error for a number of thousands of digits."""
SCHEMA_TTL = timedelta(days=1)
NO_PATHS = ResourceSecurity(reject_path_traversal=False, reject_absolute_paths=False)
"""Parameters are IDs that are looked up, so one like `../x`, `/x` or `w:1` is as good as any."""


@dataclass(slots=True)
class CacheHint:
    """How long the result of a request stays fresh, and who may cache it."""

    ttl: timedelta = timedelta()
    scope: Literal["private", "public"] = "private"


_cache_hint: ContextVar[CacheHint] = ContextVar("cache_hint")
"""The hint of the current request. Only the answering function can set it; answers have no hint."""


async def agents(app: App) -> SafeText:
    """The configured agents."""
    return await _answer(app.backend(), lambda backend: backend.answers.agents())


async def conversation_schema(app: App) -> SafeText:
    """The JSON Schema of a conversation record."""
    _set_cache_hint(SCHEMA_TTL, "public")
    return trusted_text(await app.record_schema())


async def fields(app: App) -> SafeText:
    """The table of fields."""
    _set_cache_hint(SCHEMA_TTL, "public")
    return trusted_text(await app.field_table())


async def conversations(
    ctx: Context[App], agent_id: str, cursor: str = "", limit: str = "20"
) -> SafeText:
    """A page of conversations."""
    return await _answer(
        backend_for(ctx), lambda b: _conversations(b, b.agent(agent_id), cursor, limit)
    )


async def conversation(ctx: Context[App], agent_id: str, conversation_id: str) -> SafeText:
    """The whole record of a conversation."""
    return await _answer(
        backend_for(ctx),
        lambda b: b.answers.conversation_record(b.agent(agent_id), conversation_id),
    )


async def lead(ctx: Context[App], agent_id: str, lead_id: str) -> SafeText:
    """One person."""
    return await _answer(
        backend_for(ctx), lambda b: b.answers.get_lead(b.agent(agent_id), lead_id.strip())
    )


async def hot_leads(ctx: Context[App], agent_id: str) -> SafeText:
    """The hot leads."""
    return await _answer(
        backend_for(ctx),
        lambda b: b.answers.summarize_hot_leads([b.agent(agent_id)], HotLeadsRequest()),
    )


async def stats(ctx: Context[App], agent_id: str) -> SafeText:
    """Leads in all, and the pipeline by stage."""
    by_stage = StatsRequest(of="leads", group_by=("stage",))
    return await _answer(
        backend_for(ctx), lambda b: b.answers.conversation_stats([b.agent(agent_id)], by_stage)
    )


async def _answer(
    opening: Awaitable[Backend], ask: Callable[[Backend], Awaitable[JsonObject]]
) -> SafeText:
    """The answer of `ask` as compact JSON.

    Raises:
        ResourceError, MCPError: there is no answer; the text is an error object.
    """
    try:
        backend = await opening
        answer = await ask(backend)
        _set_cache_hint(_time_to_live(backend, answer))
        return answer_text(answer)
    except ConvocoreError as error:
        raise resource_failure(error) from error
    except Exception as error:
        raise resource_failure(internal_error(error)) from error


RESOURCES = (
    (ROOT, agents, "Agents", "The configured agents, with region, coverage and size."),
    (SCHEMA, conversation_schema, "Schema", "JSON Schema of a conversation record."),
    (FIELDS, fields, "Fields", "What where, fields, sort, group_by and measure may name."),
)
"""The URI, what answers and gives the name, the title and what it is."""
TEMPLATES = (
    (
        f"{AGENT}/conversations{{?cursor,limit}}", conversations,
        "Conversations", "Brief rows, newest first, with the next page's URI in next_uri.",
    ),
    (
        f"{AGENT}/conversations/{{conversation_id}}", conversation, "Conversation record",
        "The whole record of one conversation; secrets and session keys left out.",
    ),
    (f"{AGENT}/leads/{{lead_id}}", lead, "Lead", "One person, as get_lead answers."),
    (f"{AGENT}/hot-leads", hot_leads, "Hot leads", "As summarize_hot_leads answers."),
    (f"{AGENT}/stats", stats, "Statistics", "Leads in all, and the pipeline by stage."),
)  # fmt: skip
"""The same of resources whose URIs have parameters."""


def add_resources(server: MCPServer[App], app: App) -> None:
    """Register every resource (docs/contract.md, "Resources")."""

    def add(
        uri: str, answer: Callable[..., Awaitable[SafeText]], name: str, title: str, text: str
    ) -> None:
        register = server.resource(
            uri, name=name, title=title, description=text, mime_type=JSON, security=NO_PATHS
        )
        register(answer)

    for uri, fn, title, text in RESOURCES:
        add(uri, functools.partial(fn, app), fn.__name__, title, text)
    for template, answer, title, text in TEMPLATES:
        add(template, answer, answer.__name__, title, text)
    server.middleware.append(_add_cache_hints)


def _time_to_live(backend: Backend, answer: JsonObject) -> timedelta:
    """How long the answer stays the same: until then, a request starts no sync."""
    reports = [answer["freshness"]] if "freshness" in answer else answer["agents"]
    if not all(report["complete"] and "as_of" in report for report in reports):
        return INCOMPLETE_TTL
    oldest = min(datetime.fromisoformat(report["as_of"]) for report in reports)
    return max(oldest + backend.refresh_interval - backend.now(), timedelta())


async def _conversations(backend: Backend, agent: str, cursor: str, limit: str) -> JsonObject:
    if not (limit.isdecimal() and len(limit) <= MAX_LIMIT_DIGITS and 1 <= int(limit) <= 100):
        raise InvalidArgumentError(
            f"limit: {limit[:20]!r} is not a number from 1 to 100.", hint="Use limit=20."
        )
    request = ConversationsRequest(limit=int(limit), cursor=cursor)
    page = await backend.answers.list_conversations([agent], request)
    if next_cursor := page.get("next_cursor"):
        query = urlencode({"cursor": next_cursor, "limit": limit})
        page["next_uri"] = f"{ROOT}/{quote(agent, safe='')}/conversations?{query}"
    return page


def _set_cache_hint(ttl: timedelta, scope: Literal["private", "public"] = "private") -> None:
    hint = _cache_hint.get(CacheHint())
    hint.ttl, hint.scope = ttl, scope


async def _add_cache_hints(ctx: RequestContext, call_next: CallNext) -> HandlerResult:
    """Middleware: add to a resource how long it stays fresh, and who may cache it."""
    hint = CacheHint()
    token = _cache_hint.set(hint)
    try:
        result = await call_next(ctx)
    finally:
        _cache_hint.reset(token)
    if ctx.method == "resources/read" and isinstance(result, dict) and "ttlMs" in result:
        result["ttlMs"] = hint.ttl // timedelta(milliseconds=1)
        result["cacheScope"] = hint.scope
    return result
