"""The hot leads: what `summarize_hot_leads` and the resource `hot-leads` answer with."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from convocore_mcp.leads.profile import Profile
from convocore_mcp.leads.reasons import why_not_hot
from convocore_mcp.models import Conversation, Heat, HotSummary, Lead
from convocore_mcp.need import Need
from convocore_mcp.server import shaping
from convocore_mcp.server.app import Backend
from convocore_mcp.server.outbound import clean
from convocore_mcp.server.window import window
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD

if TYPE_CHECKING:  # SQLAlchemy is not needed to list the tools
    from convocore_mcp.store.queries import Queries

Window = tuple[datetime | None, datetime | None]
NEAR_MISSES = 3


@dataclass(frozen=True, slots=True)
class HotAsk:
    """How the hot leads are asked for."""

    since: str = ""
    until: str = ""
    min_score: float = DEFAULT_THRESHOLD
    top: int = 10
    explain: bool = False


async def hot_answer(backend: Backend, agent: str, ask: HotAsk) -> dict[str, Any]:
    """The summary, clean and within the limit of characters.

    Raises:
        InvalidArgumentError: a bound that is no time.
        ApiError: Convocore can't be read, and nothing is here yet.
    """
    now = backend.now()
    bounds = window(ask.since, ask.until, now=now)
    fresh = await backend.upkeep.fresh(agent, Need(since=bounds[0], people=True))
    found = await backend.read(_read, backend.queries, agent, ask, bounds)
    summary = found.summary
    answer: dict[str, Any] = clean(
        {
            **_numbers(summary, ask.min_score),
            "leads": [
                shaping.hot_lead(lead, Profile(found.talks_of(lead), now=now), now=now)
                for lead in found.leads
            ],
            "near_misses": found.near_misses,
            "applied": {
                "since": shaping.when(bounds[0]),
                "until": shaping.when(bounds[1]),
                "min_score": shaping.number(ask.min_score),
                "sort": "score",
                "top": ask.top,
            },
            "excluded": {
                "tests": summary.tests,
                "blocked": summary.blocked,
                "closed": summary.closed,
            },
            "relax": found.relax,
            "freshness": shaping.freshness(fresh),
        }
    )
    return shaping.shortened(answer, "leads")


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read for one answer."""

    summary: HotSummary
    leads: list[Lead]
    talks: list[Conversation]
    near_misses: dict[str, Any] | None
    relax: dict[str, int] | None

    def talks_of(self, lead: Lead) -> list[Conversation]:
        return [talk for talk in self.talks if talk.lead_id == lead.lead_id]


def _read(queries: "Queries", agent: str, ask: HotAsk, bounds: Window) -> _Found:
    """Everything the answer needs, in one go in a thread."""
    heat = Heat(agent, ask.min_score, *bounds)
    leads = queries.hot_leads(heat, limit=ask.top)
    return _Found(
        summary=queries.hot_summary(heat),
        leads=leads,
        talks=queries.of_leads(agent, [lead.lead_id for lead in leads]),
        near_misses=_near_misses(queries, heat) if ask.explain else None,
        relax=None if leads else _relaxed(queries, heat),
    )


def _numbers(summary: HotSummary, threshold: float) -> dict[str, Any]:
    return {
        "definition": "Hot: stage not won or lost, and labelled hot, or without a label and a "
        f"score of at least {threshold:g}.",
        "hot": summary.hot,
        "leads_considered": summary.considered,
        "by_stage": shaping.counts(summary.by_stage),
        "by_channel": shaping.counts(summary.by_channel),
        "value": shaping.money(summary.value),
        "unparsed_values": summary.unparsed_values,
        "waiting_for_human": summary.waiting_for_human,
        "unassigned": summary.unassigned,
        "overdue": summary.overdue,
    }


def _near_misses(queries: "Queries", heat: Heat) -> dict[str, Any]:
    """The leads that would be hot but for one thing, and what it is."""
    count, first = queries.near_misses(heat, limit=NEAR_MISSES)
    named = [
        {
            "lead_id": lead.lead_id,
            "name": lead.name,
            "why_not": why_not_hot(lead, threshold=heat.threshold),
        }
        for lead in first
    ]
    return {"count": count, "leads": named}


def _relaxed(queries: "Queries", heat: Heat) -> dict[str, int] | None:
    """For each bound, how many hot leads there would be without it."""
    without = {"min_score": queries.hot_count(replace(heat, threshold=0))}
    if heat.since is not None:
        without["since"] = queries.hot_count(replace(heat, since=None))
    if heat.until is not None:
        without["until"] = queries.hot_count(replace(heat, until=None))
    return without
