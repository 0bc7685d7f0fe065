"""Statistics: what `conversation_stats` and the resource `stats` answer with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from convocore_mcp.models import Filter, Group, ReadScope
from convocore_mcp.server.answers import view_builders
from convocore_mcp.server.answers.filters import applied, relaxed, spelt
from convocore_mcp.server.answers.time_window import window
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.sanitize import sanitize
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD

if TYPE_CHECKING:  # SQLAlchemy is not needed to list the tools
    from convocore_mcp.store.read.mirror_reader import MirrorReader

TIMES = ("day", "week", "month")
"""Groupings that have an order of their own."""


@dataclass(frozen=True, slots=True)
class StatsRequest:
    """How statistics are asked for; the filter proper comes beside it."""

    group_by: Sequence[str] = ()
    query: str = ""
    since: str = ""
    until: str = ""


async def conversation_stats_answer(
    backend: Backend, agent: str, wanted: Filter, ask: StatsRequest
) -> dict[str, Any]:
    """Totals and groups, clean and within the limit of characters.

    Raises:
        InvalidArgumentError: a time, a stage or a state that means nothing.
        ApiError: Convocore can't be read, and nothing is here yet.
    """
    since, until = window(ask.since, ask.until, now=backend.now())
    wanted = replace(wanted, since=since, until=until)
    fresh = await backend.agent_sync.fresh(agent, ReadScope(since=since, people=True))
    found = await backend.read(_read, backend.mirror_reader, agent, wanted, ask.group_by)
    by_tag = "tag" in ask.group_by
    note = "A conversation counts under each of its tags, so groups add up to more than totals."
    answer: dict[str, Any] = sanitize(
        {
            "totals": _view(found.totals),
            "groups": [
                {name: key or "none" for name, key in zip(ask.group_by, group.keys, strict=True)}
                | _view(group)
                for group in _in_order(found.groups, ask.group_by)
            ],
            "applied": applied(found.wanted, ask.query) | {"group_by": list(ask.group_by)},
            "excluded": {},
            "relax": found.relax,
            "freshness": view_builders.freshness(fresh, *[note] * by_tag),
        }
    )
    return view_builders.shortened(answer, "groups")


@dataclass(frozen=True, slots=True)
class _Found:
    """What was read for one answer."""

    wanted: Filter
    totals: Group
    groups: list[Group]
    relax: dict[str, int] | None


def _read(
    mirror_reader: "MirrorReader", agent: str, wanted: Filter, group_by: Sequence[str]
) -> _Found:
    """Everything the answer needs, in one go in a thread."""
    wanted = spelt(mirror_reader, agent, wanted)
    (totals,) = mirror_reader.stats(agent, wanted, (), hot_from=DEFAULT_THRESHOLD)
    groups = (
        mirror_reader.stats(agent, wanted, group_by, hot_from=DEFAULT_THRESHOLD) if group_by else []
    )
    relax = None
    if not totals.conversations:
        relax = relaxed(mirror_reader, agent, wanted, mirror_reader.sequence_number())
    return _Found(wanted, totals, groups, relax)


def _in_order(groups: list[Group], group_by: Sequence[str]) -> list[Group]:
    """By time if that is what they are by, else the largest first."""
    if group_by and group_by[0] in TIMES:
        return sorted(groups, key=lambda group: [key or "" for key in group.keys])
    return sorted(groups, key=lambda group: (-group.conversations, str(group.keys)))


def _view(group: Group) -> dict[str, Any]:
    return {
        "conversations": group.conversations,
        "leads": group.leads,
        "hot": group.hot,
        "messages": group.messages,
        "value": view_builders.money(group.value),
        "unparsed_values": group.unparsed_values,
        "tokens": group.tokens,
        "usd": view_builders.number(round(group.usd, 6)),
        "rating_avg": None if group.rating_avg is None else round(group.rating_avg, 2),
        "waiting_for_human": group.waiting_for_human,
    }
