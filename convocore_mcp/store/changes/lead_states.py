"""How hot a lead was before and after a change of one of its conversations.

A lead is computed again some time after its conversations have changed, all of their changes at
once. Its new state belongs to the last of these changes: a lead after a change is the lead as it
was when the next change of any of its conversations came, or as it is now.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
    states: dict[_Key, list[_State]] = defaultdict(list)
    touched: dict[_Key, list[int]] = defaultdict(list)
    for agent_id, ids in leads.items():
        for part in chunks(sorted(ids)):
            _read_states(connection, agent_id, part, first, states)
            _read_touched(connection, agent_id, part, first, up_to, touched)
    for numbers in touched.values():
        numbers.sort()
    return [_scores(change, states, touched, up_to) for change in changes]


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
        numbers = touched[key]
        index = bisect_right(numbers, change.number)
        following = numbers[index] if index < len(numbers) else up_to
        after = _state_after(states[key], change.number, following)
    highest = max(scores, default=None)
    return HotScores(after and after.hot_score, highest, after is not None)


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
