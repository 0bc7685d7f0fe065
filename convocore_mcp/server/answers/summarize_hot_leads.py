"""The hot leads: what `summarize_hot_leads` and the resource `hot-leads` answer with."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from convocore_mcp.leads.profile import Profile
from convocore_mcp.leads.reasons import why_not_hot
from convocore_mcp.models import Conversation, HotQuery, HotSummary, Lead, ReadScope
from convocore_mcp.server.answers import view_builders
from convocore_mcp.server.answers.time_window import window
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.sanitize import sanitize
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD

if TYPE_CHECKING:  # SQLAlchemy is not needed to list the tools
    from convocore_mcp.store.read.mirror_reader import MirrorReader

Window = tuple[datetime | None, datetime | None]
NEAR_MISSES = 3


@dataclass(frozen=True, slots=True)
class HotLeadsRequest:
    """How the hot leads are asked for."""

    since: str = ""
    until: str = ""
    min_score: float = DEFAULT_THRESHOLD
    top: int = 10
    explain: bool = False


async def summarize_hot_leads_answer(
    backend: Backend, agent: str, ask: HotLeadsRequest
) -> dict[str, Any]:
    """The summary, clean and within the limit of characters.

    Raises:
        InvalidArgumentError: a bound that is no time.
        ApiError: Convocore can't be read, and nothing is here yet.
    """
    now = backend.now()
    bounds = window(ask.since, ask.until, now=now)
    fresh = await backend.agent_sync.fresh(agent, ReadScope(since=bounds[0], people=True))
    found = await backend.read(_read, backend.mirror_reader, agent, ask, bounds)
    summary = found.summary
    answer: dict[str, Any] = sanitize(
        {
            **_numbers(summary, ask.min_score),
            "leads": [
                view_builders.hot_lead(
                    lead, Profile(found.conversations_of(lead), now=now), now=now
                )
                for lead in found.leads
            ],
            "near_misses": found.near_misses,
            "applied": {
                "since": view_builders.when(bounds[0]),
                "until": view_builders.when(bounds[1]),
                "min_score": view_builders.number(ask.min_score),
                "sort": "score",
                "top": ask.top,
            },
            "excluded": {
                "tests": summary.tests,
                "blocked": summary.blocked,
                "closed": summary.closed,
            },
            "relax": found.relax,
            "freshness": view_builders.freshness(fresh),
        }
    )
    return view_builders.shortened(answer, "leads")


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read for one answer."""

    summary: HotSummary
    leads: list[Lead]
    conversations: list[Conversation]
    near_misses: dict[str, Any] | None
    relax: dict[str, int] | None

    def conversations_of(self, lead: Lead) -> list[Conversation]:
        return [
            conversation
            for conversation in self.conversations
            if conversation.lead_id == lead.lead_id
        ]


def _read(
    mirror_reader: "MirrorReader", agent: str, ask: HotLeadsRequest, bounds: Window
) -> _Found:
    """Everything the answer needs, in one go in a thread."""
    heat = HotQuery(agent, ask.min_score, *bounds)
    leads = mirror_reader.hot_leads(heat, limit=ask.top)
    return _Found(
        summary=mirror_reader.hot_summary(heat),
        leads=leads,
        conversations=mirror_reader.conversations_of_leads(agent, [lead.lead_id for lead in leads]),
        near_misses=_near_misses(mirror_reader, heat) if ask.explain else None,
        relax=None if leads else _relaxed(mirror_reader, heat),
    )


def _numbers(summary: HotSummary, threshold: float) -> dict[str, Any]:
    return {
        "definition": "Hot: stage not won or lost, and labelled hot, or without a label and a "
        f"score of at least {threshold:g}.",
        "hot": summary.hot,
        "leads_considered": summary.considered,
        "by_stage": view_builders.counts(summary.by_stage),
        "by_channel": view_builders.counts(summary.by_channel),
        "value": view_builders.money(summary.value),
        "unparsed_values": summary.unparsed_values,
        "waiting_for_human": summary.waiting_for_human,
        "unassigned": summary.unassigned,
        "overdue": summary.overdue,
    }


def _near_misses(mirror_reader: "MirrorReader", heat: HotQuery) -> dict[str, Any]:
    """The leads that would be hot but for one thing, and what it is."""
    count, first = mirror_reader.near_misses(heat, limit=NEAR_MISSES)
    named = [
        {
            "lead_id": lead.lead_id,
            "name": lead.name,
            "why_not": why_not_hot(lead, threshold=heat.threshold),
        }
        for lead in first
    ]
    return {"count": count, "leads": named}


def _relaxed(mirror_reader: "MirrorReader", heat: HotQuery) -> dict[str, int] | None:
    """For each bound, how many hot leads there would be without it."""
    without = {"min_score": mirror_reader.hot_count(replace(heat, threshold=0))}
    if heat.since is not None:
        without["since"] = mirror_reader.hot_count(replace(heat, since=None))
    if heat.until is not None:
        without["until"] = mirror_reader.hot_count(replace(heat, until=None))
    return without
