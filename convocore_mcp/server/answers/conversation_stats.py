"""Answers `conversation_stats` and the resource `stats`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from convocore_mcp.models import Filter, Group, ReadScope
from convocore_mcp.server.answers.filters import (
    applied_filters,
    build_filter,
    count_without_each,
    with_canonical_values,
)
from convocore_mcp.server.answers.time_window import read_window
from convocore_mcp.server.backend import Backend
from convocore_mcp.server.mirror_queries import MirrorQueries
from convocore_mcp.server.requests import StatsRequest
from convocore_mcp.server.sanitize import JsonObject, sanitize_object
from convocore_mcp.server.size_limit import shorten_rows
from convocore_mcp.server.views.answer_views import GroupView, Stats
from convocore_mcp.server.views.view_builders import (
    freshness_view,
    plain_number,
    sums_by_currency,
)
from convocore_mcp.vocabulary import DEFAULT_THRESHOLD

TIME_UNITS = ("day", "week", "month")
"""Groupings that are sorted by time, all others by size."""
TAGS_OVERLAP = "A conversation counts under each of its tags, so groups add up to more than totals."
NOTE_LENGTH = 200
"""Characters kept free for a note that tells what was dropped."""


async def conversation_stats(backend: Backend, agent_id: str, request: StatsRequest) -> JsonObject:
    """Totals and groups, sanitized and within the limit of characters.

    Raises:
        InvalidArgumentError: a time, a stage or a state is not valid.
        ApiError: Convocore can't be read, and the mirror is still empty.
    """
    arguments, group_by = request.filters, request.group_by
    since, until = read_window(arguments.since, arguments.until, now=backend.now())
    conditions = replace(build_filter(arguments), since=since, until=until)
    freshness = await backend.syncs.ensure_fresh(agent_id, ReadScope(since=since, people=True))
    result = await backend.read(_read_stats, backend.mirror_reader, agent_id, conditions, group_by)
    applied = applied_filters(result.conditions, arguments.query) | {"group_by": list(group_by)}
    groups = _in_order(result.groups, group_by)
    answer = sanitize_object(
        Stats(
            totals=_group_view(result.totals),
            groups=[_group_view(group) for group in groups],
            applied=applied,
            excluded={},
            relax=result.relax,
            freshness=freshness_view(freshness, *[TAGS_OVERLAP] * ("tag" in group_by)),
        )
    )
    answer["groups"] = [
        sanitize_object(_group_keys(group, group_by)) | figures
        for group, figures in zip(
            groups, answer["groups"], strict=False
        )  # sanitize cuts long lists
    ]
    return shorten_rows(answer, "groups", reserve=NOTE_LENGTH)


@dataclass(frozen=True, slots=True)
class _Result:
    """What was read from the mirror for one answer."""

    conditions: Filter
    totals: Group
    groups: list[Group]
    relax: dict[str, int] | None


def _read_stats(
    mirror_reader: MirrorQueries, agent_id: str, conditions: Filter, group_by: Sequence[str]
) -> _Result:
    """Everything that the answer needs, read in one call in a thread."""
    conditions = with_canonical_values(mirror_reader, agent_id, conditions)
    (totals,) = mirror_reader.stats(agent_id, conditions, (), hot_from=DEFAULT_THRESHOLD)
    groups = []
    if group_by:
        groups = mirror_reader.stats(agent_id, conditions, group_by, hot_from=DEFAULT_THRESHOLD)
    relax = None
    if not totals.conversations:
        now = mirror_reader.sequence_number()
        relax = count_without_each(mirror_reader, agent_id, conditions, now)
    return _Result(conditions, totals, groups, relax)


def _in_order(groups: list[Group], group_by: Sequence[str]) -> list[Group]:
    """The oldest first if the first grouping is a time, else the largest first."""
    if group_by and group_by[0] in TIME_UNITS:
        return sorted(groups, key=lambda group: [key or "" for key in group.keys])
    return sorted(groups, key=lambda group: (-group.conversations, str(group.keys)))


def _group_keys(group: Group, group_by: Sequence[str]) -> dict[str, str]:
    return {name: key or "none" for name, key in zip(group_by, group.keys, strict=True)}


def _group_view(group: Group) -> GroupView:
    return GroupView(
        conversations=group.conversations,
        leads=group.leads,
        hot=group.hot,
        messages=group.messages,
        value=sums_by_currency(group.value),
        unparsed_values=group.unparsed_values,
        tokens=group.tokens,
        usd=plain_number(round(group.usd, 6)) or 0,
        rating_avg=None if group.rating_avg is None else round(group.rating_avg, 2),
        waiting_for_human=group.waiting_for_human,
    )
