"""Which details are wanted, and how many details an answer lacks."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache, reduce
from operator import add

from sqlalchemy import BigInteger, Executable, bindparam, case, false, func, literal, select, true

from convocore_mcp.models import DetailsState, DetailsTrial, TrialResult, WantedDetails
from convocore_mcp.store.database.columns import Text
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.rows import chunks, to_milliseconds
from convocore_mcp.store.database.schema import (
    CURRENT,
    agents,
    conversations,
    dirty_conversations,
)
from convocore_mcp.store.details.save_details import READ_BEFORE, read_before
from convocore_mcp.store.details.tables import REFUSED, details, details_trials, sparse_rows
from convocore_mcp.store.details.trial_rows import made_through_api

_c, _s, _d, _t = conversations.c, sparse_rows.c, details.c, details_trials.c
_WANTED = select(_s.id, _c.valid_from).join(
    conversations,
    (_c.agent_id == _s.agent_id) & (_c.id == _s.id) & (_c.valid_to == CURRENT),
)

_REFUSED = select(func.count()).select_from(details).where(REFUSED)
_NOT_IN_LEADS = select(func.count(_d.id.distinct())).join(
    dirty_conversations,
    (dirty_conversations.c.agent_id == _d.agent_id) & (dirty_conversations.c.id == _d.id),
)
_IS_TRIED = (
    select(_t.agent_id)
    .where(_t.agent_id == _s.agent_id, _t.result != TrialResult.REFUSED.value)
    .exists()
)
_HAS_DETAILS = select(_d.id).where(_d.agent_id == _s.agent_id, _d.id == _s.id).exists()
_TO_READ = (~_s.again, _s.again & ~(_IS_TRIED | _HAS_DETAILS))
"""The pending details, in two parts: an index has the first, which may be that of most rows.

Unless a trial has shown whether the list is full, its candidates count, too.
"""
_TRIED_AT, _RESULT = select(_t.full_sync_at), select(_t.result)


class DetailsQueue:
    """Reads what is known of details. Plain blocking calls: run them in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def wanted(self, agent_id: str, *, limit: int, findable: bool = False) -> list[WantedDetails]:
        """The details to read next: the newest and the hottest in turn, at most `limit`.

        Those that were never read come before those that are read again. `findable` leaves out
        those that Convocore hardly ever finds.
        """
        query = _WANTED.where(_s.agent_id == agent_id).limit(limit)
        if findable:
            query = query.where(~made_through_api(_s.id, agent_id))
        found: dict[WantedDetails, None] = {}
        with self._database.reading() as connection:
            for of_kind in (~_s.again, _s.again):
                newest, hottest = (
                    connection.execute(query.where(of_kind).order_by(order.desc())).all()
                    for order in (_s.last_activity, _s.score)
                )
                pairs = zip(newest, hottest, strict=True)
                found |= dict.fromkeys(WantedDetails(*row) for pair in pairs for row in pair)
                if len(found) >= limit:
                    break
        return list(found)[:limit]

    def wanted_of(self, agent_id: str, ids: Sequence[str]) -> list[WantedDetails]:
        """The wanted details of these conversations, in the given order."""
        query = _WANTED.where(_s.agent_id == agent_id)
        with self._database.reading() as connection:
            found = {
                row.id: WantedDetails(row.id, row.valid_from)
                for part in chunks(ids)
                for row in connection.execute(query.where(_s.id.in_(part)))
            }
        return [found[id_] for id_ in ids if id_ in found]

    def any_read_before(self, agent_id: str, time: datetime, *, now: datetime) -> bool:
        """Whether details were read before `time` and do not wait to be read again."""
        waiting = select(_s.id).where(_s.agent_id == _d.agent_id, _s.id == _d.id).exists()
        query = select(_d.id).where(_d.agent_id == agent_id, READ_BEFORE, ~waiting).limit(1)
        with self._database.reading() as connection:
            return connection.execute(query, read_before(time, now)).first() is not None

    def state(
        self,
        agent_id: str,
        *,
        since: datetime | None = None,
        people: bool = False,
        outdated_before: datetime | None = None,
        now: datetime | None = None,
        with_bare: bool = False,
        only: str | None = None,
        count_if_full: bool = True,
    ) -> DetailsState:
        """How many details are pending and refused; with `since`, pending ones active since then.

        A row without a time counts in any window. With `people`, details are also pending that
        were read and are not in the leads yet: those are rebuilt in a later transaction. With
        `outdated_before` and `now`, those that were read before are counted as outdated. With
        `with_bare`, it is looked whether most rows of the list say next to nothing. With `only`,
        no conversation but this one counts. Without `count_if_full`, none is pending where a trial
        has shown that the list is full.
        """
        query = _state_query(
            in_window=since is not None,
            people=people,
            outdated=outdated_before is not None and now is not None,
            with_bare=with_bare,
            of_one=only is not None,
            count_if_full=count_if_full,
        )
        given: dict[str, str | int | None] = {
            "agent": agent_id,
            "id": only,
            "since": to_milliseconds(since),
        }
        if outdated_before is not None and now is not None:
            given |= read_before(outdated_before, now)
        with self._database.reading() as connection:
            row = connection.execute(query, given).one()
        trial = None if row.result is None else DetailsTrial(row.tried_at, row.result)
        pending = row.pending + row.not_in_leads
        return DetailsState(pending, row.refused, trial, row.outdated, bool(row.bare))


_AGENT, _ID = bindparam("agent", type_=Text), bindparam("id", type_=Text)
_SINCE = bindparam("since", type_=BigInteger)


@lru_cache(maxsize=64)
def _state_query(
    *,
    in_window: bool,
    people: bool,
    outdated: bool,
    with_bare: bool,
    of_one: bool,
    count_if_full: bool,
) -> Executable:
    """The query of `DetailsQueue.state`, built once: it is executed for nearly every answer."""
    count = select(func.count())
    parts = [count.where(_s.agent_id == _AGENT, part) for part in _TO_READ]
    read_long_ago = count.where(_d.agent_id == _AGENT, READ_BEFORE if outdated else false())
    refused = _REFUSED.where(_d.agent_id == _AGENT)
    if of_one:
        parts = [part.where(_s.id == _ID) for part in parts]
        read_long_ago, refused = read_long_ago.where(_d.id == _ID), refused.where(_d.id == _ID)
    if in_window:
        parts = [
            part.where((_s.last_activity >= _SINCE) | (_s.last_activity < 0)) for part in parts
        ]
        of_row = (_c.agent_id == _d.agent_id) & (_c.id == _d.id) & (_c.valid_to == CURRENT)
        active = (_c.last_activity >= _SINCE) | _c.last_activity.is_(None)
        read_long_ago = read_long_ago.where(select(_c.id).where(of_row, active).exists())
    # The count may be that of most rows: not where it says nothing.
    full = _RESULT.where(_t.agent_id == _AGENT, _t.result == TrialResult.LIST_IS_FULL.value)
    counted = true() if count_if_full else ~full.exists()
    pending = reduce(add, (part.scalar_subquery() for part in parts))
    bare = count.where(_s.agent_id == _AGENT, _s.bare).scalar_subquery()
    is_bare = select(2 * bare > agents.c.conversation_count).where(agents.c.agent_id == _AGENT)
    not_in_leads = _NOT_IN_LEADS.where(_d.agent_id == _AGENT).scalar_subquery()
    return select(
        case((counted, pending), else_=0).label("pending"),
        refused.scalar_subquery().label("refused"),
        _TRIED_AT.where(_t.agent_id == _AGENT).scalar_subquery().label("tried_at"),
        _RESULT.where(_t.agent_id == _AGENT).scalar_subquery().label("result"),
        read_long_ago.scalar_subquery().label("outdated"),
        (is_bare.scalar_subquery() if with_bare else false()).label("bare"),
        (not_in_leads if people else literal(0)).label("not_in_leads"),
    )
