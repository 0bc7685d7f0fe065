"""How hot a lead was before and after a change of one of its conversations.

A lead is computed again some time after its conversations have changed, all of their changes at
once. Its new state belongs to the last of these changes: a lead after a change is the lead as it
was when the next change of any of its conversations came, or as it is now.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import Column, Connection, select

from convocore_mcp.models import RaisedScore
from convocore_mcp.store.database.rows import chunks
from convocore_mcp.store.database.schema import conversations
from convocore_mcp.store.fields.field_tables import lead_fields
from convocore_mcp.store.read.sql_conditions import without_index

_c, _l = conversations.c, lead_fields.c


class LeadChange(NamedTuple):
    """A change of a conversation, and the leads that it was and is in."""

    number: int
    agent_id: str
    lead_id: str | None
    lead_id_before: str | None
    versions: tuple[int, ...] = ()
    """The version that the change began and the one that it ended, as far as there are both."""


@dataclass(frozen=True, slots=True)
class HotScores:
    """The hot score of the lead after a change, and the highest of its leads before it."""

    after: float | None = None
    before: float | None = None
    is_lead: bool = False
    others: tuple[RaisedScore, ...] = ()
    """Leads that the conversation left, held together or told apart, and their scores after it."""


class _Move(NamedTuple):
    """A change of another conversation has moved a conversation from one lead to another."""

    left: str
    joined: str


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
    moves = _moves_by_contact(connection, changes)
    for change in changes:
        for move in moves[change.number]:
            leads[change.agent_id] |= {*move}
    states, touched = _read_history(connection, leads, first, up_to)
    return [
        replace(
            scores := _scores(change, states, touched, up_to),
            others=(
                *_others(change, scores.before, separated, states, touched, up_to),
                *_others_by_contact(change, moves[change.number], states, touched, up_to),
            ),
        )
        for change in changes
    ]


def _read_history(
    connection: Connection, leads: Mapping[str, set[str]], first: int, up_to: int
) -> tuple[dict[_Key, list[_State]], dict[_Key, list[int]]]:
    """The states of these leads after `first`, and the changes that touched them."""
    states: dict[_Key, list[_State]] = defaultdict(list)
    touched: dict[_Key, list[int]] = defaultdict(list)
    for agent_id, ids in leads.items():
        for part in chunks(sorted(ids)):
            _read_states(connection, agent_id, part, first, states)
            _read_touched(connection, agent_id, part, first, up_to, touched)
    for numbers in touched.values():
        numbers.sort()
    return states, touched


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


def _moves_by_contact(
    connection: Connection, changes: Sequence[LeadChange]
) -> dict[int, set[_Move]]:
    """The moves of conversations with an email or phone number of the changed one, by change.

    An identity shares such a value with them from then on, or no more: its leads need not have been
    theirs.
    """
    found: dict[int, set[_Move]] = defaultdict(set)
    change_of = {version: change for change in changes for version in change.versions}
    for shared in (_c.email_key, _c.phone_key):
        sharing: dict[str, dict[str, list[LeadChange]]] = defaultdict(lambda: defaultdict(list))
        for part in chunks(sorted(change_of)):
            query = select(_c.valid_from, shared).where(
                _c.valid_from.in_(part), _c.identity.is_not(None), shared.is_not(None)
            )
            for version, value in connection.execute(query):
                sharing[change_of[version].agent_id][value].append(change_of[version])
        for agent_id, of_value in sharing.items():
            for value, move in _moves(connection, agent_id, shared, sorted(of_value)):
                for change in of_value[value]:
                    if not {*move} & {change.lead_id, change.lead_id_before}:
                        found[change.number].add(move)
    return found


def _moves(
    connection: Connection, agent_id: str, shared: Column[str], values: Sequence[str]
) -> Iterator[tuple[str, _Move]]:
    """The moves of conversations whose email or phone number is one of `values`."""
    leads = (without_index(_c.first_lead_id), without_index(_c.lead_id))
    for part in chunks(values):
        query = select(shared, _c.first_lead_id, _c.lead_id).where(
            _c.agent_id == agent_id, shared.in_(part), *(lead.is_not(None) for lead in leads)
        )
        for value, *move in connection.execute(query.distinct()):
            yield value, _Move(*move)


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
) -> tuple[RaisedScore, ...]:
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
        highest = max(old_score or 0, before or 0)
        if score is not None and score > highest:
            found.append(RaisedScore(str(lead_id), highest, score))
    return tuple(found)


def _others_by_contact(
    change: LeadChange,
    moves: Iterable[_Move],
    states: Mapping[_Key, list[_State]],
    touched: Mapping[_Key, list[int]],
    up_to: int,
) -> tuple[RaisedScore, ...]:
    """The leads of moved conversations that are hotter after the change than all were before it."""
    found = []
    for left, joined in sorted(moves):
        keys = [(change.agent_id, lead_id) for lead_id in (joined, left)]
        own = [(change.agent_id, id_) for id_ in (change.lead_id, change.lead_id_before) if id_]
        following = min(_following(touched[key], change.number, up_to) for key in (*keys, *own))
        after = _state_after(states[keys[0]], change.number, following)
        before = [_state(states[key], change.number) for key in keys]
        highest = max((state.hot_score or 0 for state in before if state), default=0)
        if after and after.hot_score is not None and after.hot_score > highest:
            found.append(RaisedScore(joined, highest, after.hot_score))
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
