"""Answers `summarize_hot_leads` and the resource `hot-leads`."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from convocore_mcp.leads.hotness import rank
from convocore_mcp.leads.profile import Profile
from convocore_mcp.leads.reasons import why_not_hot
from convocore_mcp.models import Conversation, HotQuery, HotSummary, Lead, ReadScope
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.mirror_queries import MirrorQueries
from convocore_mcp.server.questions.several_agents import read_agents, sum_summaries
from convocore_mcp.server.questions.time_window import read_window
from convocore_mcp.server.requests import HotLeadsRequest
from convocore_mcp.server.sanitize import JsonObject, sanitize_object
from convocore_mcp.server.size_limit import shorten_rows
from convocore_mcp.server.views.answer_views import (
    HotLeads,
    HotLeadView,
    NearMissesView,
    NearMissView,
)
from convocore_mcp.server.views.view_builders import (
    counts_by_name,
    freshness_view,
    hot_lead_view,
    plain_number,
    rfc3339,
    sums_by_currency,
)

MAX_NEAR_MISSES = 3
NOTE_RESERVE = 200
"""Characters kept free for a note that says what was dropped."""


async def summarize_hot_leads(
    backend: Backend, agents: Sequence[str], request: HotLeadsRequest
) -> JsonObject:
    """The summary, sanitized and within the limit of characters.

    Raises:
        InvalidArgumentError: a bound is not a time.
        ApiError: Convocore can't be read, and the mirror is still empty.
    """
    since, until = read_window(request.since, request.until, clock=backend.clock())
    read, freshness = await read_agents(backend, agents, ReadScope(since=since, people=True))
    queries = [HotQuery(agent, request.min_score, since, until) for agent in read]
    result = await backend.read_one_state(_read_hot_leads, backend, queries, request)
    summary = result.summary
    answer = sanitize_object(
        HotLeads(
            definition="Hot: stage not won or lost, and labelled hot, or without a label and a "
            f"score of at least {request.min_score:g}.",
            hot=summary.hot,
            leads_considered=summary.considered,
            by_stage=counts_by_name(summary.by_stage),
            by_channel=counts_by_name(summary.by_channel),
            value=sums_by_currency(summary.value),
            unparsed_values=summary.unparsed_values,
            waiting_for_human=summary.waiting_for_human,
            unassigned=summary.unassigned,
            overdue=result.overdue,
            leads=[
                _lead_view(backend, lead, result, of_several=len(agents) > 1)
                for lead in result.leads
            ],
            near_misses=result.near_misses,
            applied=_applied(queries[0], request) | {"timezone": str(backend.zone)},
            excluded={
                "tests": summary.tests,
                "blocked": summary.blocked,
                "closed": summary.closed,
            },
            relax=result.relax,
            freshness=freshness_view(freshness),
        )
    )
    return shorten_rows(answer, "leads", reserve=NOTE_RESERVE)


@dataclass(frozen=True, slots=True)
class _Result:
    """What was read from the mirror for one answer."""

    summary: HotSummary
    overdue: int
    """How many of the hot leads are overdue."""
    leads: list[Lead]
    conversations: dict[tuple[str, str], list[Conversation]]
    """Of each lead, by agent and lead ID, newest first."""
    near_misses: NearMissesView | None
    relax: dict[str, int] | None


def _read_hot_leads(
    backend: Backend, queries: Sequence[HotQuery], request: HotLeadsRequest
) -> _Result:
    """Everything that the answer needs, read in one call in a thread."""
    mirror_reader = backend.mirror_reader
    found = [lead for q in queries for lead in mirror_reader.hot_leads(q, limit=request.top)]
    leads = sorted(found, key=rank)[: request.top]
    conversations: dict[tuple[str, str], list[Conversation]] = defaultdict(list)
    for query in queries:
        ids = [lead.lead_id for lead in leads if lead.agent_id == query.agent_id]
        for c in mirror_reader.conversations_of_leads(query.agent_id, ids):
            conversations[query.agent_id, c.lead_id or ""].append(c)
    return _Result(
        overdue=sum(mirror_reader.hot_count(q, overdue_by=backend.now()) for q in queries),
        summary=sum_summaries([mirror_reader.hot_summary(query) for query in queries]),
        leads=leads,
        conversations=conversations,
        near_misses=_near_misses(mirror_reader, queries) if request.explain else None,
        relax=None if leads else _count_without_each(mirror_reader, queries),
    )


def _lead_view(backend: Backend, lead: Lead, result: _Result, *, of_several: bool) -> HotLeadView:
    """One of the leads; with its agent where several are asked."""
    now = backend.now()
    conversations = result.conversations[lead.agent_id, lead.lead_id]
    profile = Profile(conversations, now=now, zone=backend.zone)
    return hot_lead_view(lead, profile, now=now, agent_id=lead.agent_id if of_several else None)


def _applied(query: HotQuery, request: HotLeadsRequest) -> JsonObject:
    return {
        "since": rfc3339(query.since),
        "until": rfc3339(query.until),
        "min_score": plain_number(query.threshold),
        "sort": "score",
        "top": request.top,
    }


def _near_misses(mirror_reader: MirrorQueries, queries: Sequence[HotQuery]) -> NearMissesView:
    """The leads that one thing keeps from being hot, and what it is."""
    counted = [mirror_reader.near_misses(query, limit=MAX_NEAR_MISSES) for query in queries]
    first = sorted((lead for _, leads in counted for lead in leads), key=rank)
    named = [
        NearMissView(
            lead_id=lead.lead_id,
            name=lead.name,
            why_not=why_not_hot(lead, threshold=queries[0].threshold),
        )
        for lead in first[:MAX_NEAR_MISSES]
    ]
    return NearMissesView(count=sum(count for count, _ in counted), leads=named)


def _count_without_each(
    mirror_reader: MirrorQueries, queries: Sequence[HotQuery]
) -> dict[str, int]:
    """For each bound, how many hot leads there would be without it."""

    def count(changed: Callable[[HotQuery], HotQuery]) -> int:
        return sum(mirror_reader.hot_count(changed(query)) for query in queries)

    counts = {"min_score": count(lambda query: replace(query, threshold=0))}
    if queries[0].since is not None:
        counts["since"] = count(lambda query: replace(query, since=None))
    if queries[0].until is not None:
        counts["until"] = count(lambda query: replace(query, until=None))
    return counts
