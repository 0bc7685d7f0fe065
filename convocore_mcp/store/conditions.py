"""Conditions on conversations and leads, as SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select

from convocore_mcp.models import WAITING, Filter
from convocore_mcp.store import rows
from convocore_mcp.store.schema import LONGEST_KEY, conversations, facets

_c = conversations.c
_ATTENTION: dict[str, ColumnElement[bool]] = {
    "waiting_for_human": _c.state == WAITING,
    "unassigned": _c.unassigned,
    "overdue": _c.overdue,
    "stale": _c.stale,
}


def as_of(agent_id: str, at: int) -> ColumnElement[bool]:
    """The versions that held at change `at`."""
    # Nearly all hold: as a sum, `until` never leads SQLite to an index that is not in order.
    return and_(_c.agent_id == agent_id, _c.seq <= at, _c.until + 0 > at)


def within(
    column: ColumnElement[Any], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """What holds of `column` inside the window."""
    bounds = []
    if since is not None:
        bounds.append(column >= rows.milliseconds(since))
    if until is not None:
        # Bounds are whole seconds, activity is not: the whole of the last second belongs to it.
        bounds.append(column < (rows.milliseconds(until) or 0) + 1000)
    return bounds


def occurs(column: ColumnElement[Any], term: str) -> ColumnElement[bool]:
    """Whether `term` is somewhere in `column`, taken literally."""
    return column.contains(term, autoescape=True)


def fits(agent_id: str, wanted: Filter) -> ColumnElement[bool]:
    """The versions that `wanted` asks for."""
    conditions = within(_c.last_activity, wanted.since, wanted.until)
    if wanted.terms is not None:
        conditions += [occurs(_c.words, term) for term in wanted.terms] or [false()]
    if wanted.stages:
        conditions.append(_c.stage_key.in_([stage[:LONGEST_KEY] for stage in wanted.stages]))
    if wanted.states:
        conditions.append(_c.state.in_(wanted.states))
    if wanted.labels:
        conditions.append(_c.label_key.in_(wanted.labels))
    if wanted.min_score is not None:
        conditions.append(_c.score >= wanted.min_score)
    if wanted.attention:
        conditions.append(or_(*(_ATTENTION[name] for name in wanted.attention)))
    for kind in ("channel", "tag", "assignee"):
        if values := getattr(wanted, f"{kind}s"):
            folded = [rows.asked_by(value) for value in values]
            with_it = select(facets.c.seq).where(
                facets.c.agent_id == agent_id, facets.c.kind == kind, facets.c.value.in_(folded)
            )
            conditions.append(_c.seq.in_(with_it))
    return and_(*conditions) if conditions else _c.agent_id.is_not(None)
