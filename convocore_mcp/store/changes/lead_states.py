"""How hot a lead was before and after a change of one of its conversations.

A lead is computed again some time after its conversations have changed, all of their changes at
once. Its new state belongs to the last of these changes: a lead after a change is the lead as it
was when the next change of any of its conversations came, or as it is now.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Connection, select

from convocore_mcp.store.database.rows import chunks
from convocore_mcp.store.database.schema import conversations
from convocore_mcp.store.fields.field_tables import lead_fields

_c, _l = conversations.c, lead_fields.c


class LeadChange(NamedTuple):
    """A change of a conversation, and the leads that it was and is in."""

    number: int
    agent_id: str
    lead_id: str | None
    lead_id_before: str | None


@dataclass(frozen=True, slots=True)
class HotScores:
    """The hot score of the lead after a change, and the highest of its leads before it."""

    after: float | None = None
    before: float | None = None
    is_lead: bool = False
    others: tuple[tuple[str, float], ...] = ()
    """Leads that the conversation left or held together, and their scores after the change."""


class _State(NamedTuple):
    valid_from: int
    valid_to: int
    hot_score: float | None


_Key = tuple[str, str]


def read_hot_scores(
    connection: Connection, changes: Sequence[LeadChange], *, up_to: int
) -> list[HotScores]:
    """The hot scores of each change, as of the sequence number `up_to`."""
    if not changes:
        return []
    first = min(change.number for change in changes)
    leads: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        leads[change.agent_id] |= {
            id_ for id_ in (change.lead_id, change.lead_id_before) if id_ is not None
        }
    separated = {
        (agent_id, left): others
        for agent_id, ids in leads.items()
        for left, others in _separated_leads(connection, agent_id, ids).items()
    }
    for (agent_id, _), others in separated.items():
        leads[agent_id] |= others
    states: dict[_Key, list[_State]] = defaultdict(list)
    touched: dict[_Key, list[int]] = defaultdict(list)
    for agent_id, ids in leads.items():
        for part in chunks(sorted(ids)):
            _read_states(connection, agent_id, part, first, states)
            _read_touched(connection, agent_id, part, first, up_to, touched)
    for numbers in touched.values():
        numbers.sort()
    return [
        replace(
            scores := _scores(change, states, touched, up_to),
            others=_others(change, scores.before, separated, states, touched, up_to),
        )
        for change in changes
    ]


def _separated_leads(connection: Connection, agent_id: str, ids: set[str]) -> dict[str, set[str]]:
    """The leads to which changes of other conversations have moved conversations of these leads."""
    found: dict[str, set[str]] = defaultdict(set)
    for part in chunks(sorted(ids)):
        query = select(_c.first_lead_id, _c.lead_id).where(
            _c.agent_id == agent_id, _c.first_lead_id.in_(part), _c.lead_id.is_not(None)
        )
        for left, lead_id in connection.execute(query):
            found[left].add(lead_id)
    return found


def _read_states(
    connection: Connection,
    agent_id: str,
    lead_ids: Sequence[str],
    first: int,
    states: dict[_Key, list[_State]],
) -> None:
    query = select(_l.lead_id, _l.valid_from, _l.valid_to, _l.hot_score).where(
        _l.agent_id == agent_id, _l.lead_id.in_(lead_ids), _l.valid_to > first
    )
    for lead_id, *state in connection.execute(query):
        states[agent_id, lead_id].append(_State(*state))


def _read_touched(
    connection: Connection,
    agent_id: str,
    lead_ids: Sequence[str],
    first: int,
    up_to: int,
    touched: dict[_Key, list[int]],
) -> None:
    """The numbers of all changes of conversations of these leads.

    A version began in its first lead, and ended in the one that it was in at last.
    """
    never_moved = _c.first_lead_id.is_(None)
    for lead, number, condition in (
        (_c.lead_id, _c.valid_from, never_moved),
        (_c.first_lead_id, _c.valid_from, ~never_moved),
        (_c.lead_id, _c.valid_to, _c.ended_at.is_not(None)),
    ):
        query = select(lead, number).where(
            _c.agent_id == agent_id, lead.in_(lead_ids), number > first, number <= up_to, condition
        )
        for lead_id, touch in connection.execute(query):
            touched[agent_id, lead_id].append(touch)


def _scores(
    change: LeadChange,
    states: dict[_Key, list[_State]],
    touched: dict[_Key, list[int]],
    up_to: int,
) -> HotScores:
    ids = {change.lead_id, change.lead_id_before} - {None}
    before = (_state(states[change.agent_id, str(id_)], change.number) for id_ in ids)
    scores = [state.hot_score for state in before if state and state.hot_score is not None]
    after = None
    if change.lead_id is not None:
        key = (change.agent_id, change.lead_id)
        following = _following(touched[key], change.number, up_to)
        after = _state_after(states[key], change.number, following)
    highest = max(scores, default=None)
    return HotScores(after and after.hot_score, highest, after is not None)


def _others(
    change: LeadChange,
    before: float | None,
    separated: Mapping[_Key, set[str]],
    states: Mapping[_Key, list[_State]],
    touched: Mapping[_Key, list[int]],
    up_to: int,
) -> tuple[tuple[str, float], ...]:
    """The other leads whose score is higher after the change than any was before it."""
    own = {change.lead_id, change.lead_id_before} - {None}
    keys = [(change.agent_id, str(lead_id)) for lead_id in own]
    apart = set[str]().union(*(separated.get(key, ()) for key in keys))
    found = []
    for lead_id in sorted(({change.lead_id_before} | apart) - {change.lead_id, None}, key=str):
        key = (change.agent_id, str(lead_id))
        # A lead that was only separated changes with those that its conversations were in.
        with_it = (key,) if lead_id in own else (key, *keys)
        following = min(_following(touched[each], change.number, up_to) for each in with_it)
        after = _state_after(states[key], change.number, following)
        old = _state(states[key], change.number)
        score, old_score = after and after.hot_score, old and old.hot_score
        if score is not None and score > max(old_score or 0, before or 0):
            found.append((str(lead_id), score))
    return tuple(found)


def _following(touched: Sequence[int], number: int, up_to: int) -> int:
    """The first change of a lead after this one, else the end of the log."""
    place = bisect_right(touched, number)
    return touched[place] if place < len(touched) else up_to


def _state_after(states: Iterable[_State], number: int, following: int) -> _State | None:
    """The last state of a lead that followed a change, up to the change that followed.

    Where the lead was merged into another one meanwhile, it is the state until then.
    """
    reached: _State | None = None
    for state in sorted(states):
        if state.valid_from > following:
            break
        if reached is not None and reached.valid_to != state.valid_from:
            break  # it was merged into another lead, and has come back
        if state.valid_to > number:
            reached = state
    return reached


def _state(states: Iterable[_State], number: int) -> _State | None:
    """The state that was valid at a sequence number."""
    return next((s for s in states if s.valid_from <= number < s.valid_to), None)
