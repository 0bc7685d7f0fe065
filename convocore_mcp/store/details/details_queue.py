"""Which details are wanted, and how many details an answer lacks."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import false, func, select

from convocore_mcp.models import DetailsState, DetailsTrial, TrialResult, WantedDetails
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.rows import chunks, to_milliseconds
from convocore_mcp.store.database.schema import (
    CURRENT,
    agents,
    conversations,
    dirty_conversations,
)
from convocore_mcp.store.details.save_details import read_before
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
_PENDING = ~_s.again | ~(_IS_TRIED | _HAS_DETAILS)
"""Unless a trial has shown whether the list is full, its candidates count, too."""
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
        query = select(_d.id).where(_d.agent_id == agent_id, read_before(time, now), ~waiting)
        with self._database.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

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
    ) -> DetailsState:
        """How many details are pending and refused; with `since`, pending ones active since then.

        A row without a time counts in any window. With `people`, details are also pending that
        were read and are not in the leads yet: those are rebuilt in a later transaction. With
        `outdated_before` and `now`, those that were read before are counted as outdated. With
        `with_bare`, it is looked whether most rows of the list say next to nothing. With `only`,
        no conversation but this one counts.
        """
        pending = select(func.count()).where(_s.agent_id == agent_id, _PENDING)
        outdated = select(func.count()).where(_d.agent_id == agent_id)
        refused = _REFUSED.where(_d.agent_id == agent_id)
        if only is not None:
            pending = pending.where(_s.id == only)
            outdated, refused = outdated.where(_d.id == only), refused.where(_d.id == only)
        if outdated_before is None or now is None:
            outdated = outdated.where(false())
        else:
            outdated = outdated.where(read_before(outdated_before, now))
        if since is not None:
            earliest = to_milliseconds(since) or 0
            pending = pending.where((_s.last_activity >= earliest) | (_s.last_activity < 0))
            of_row = (_c.agent_id == _d.agent_id) & (_c.id == _d.id) & (_c.valid_to == CURRENT)
            active = (_c.last_activity >= earliest) | _c.last_activity.is_(None)
            outdated = outdated.where(select(_c.id).where(of_row, active).exists())
        query = select(
            pending.scalar_subquery().label("pending"),
            refused.scalar_subquery().label("refused"),
            _TRIED_AT.where(_t.agent_id == agent_id).scalar_subquery().label("tried_at"),
            _RESULT.where(_t.agent_id == agent_id).scalar_subquery().label("result"),
            outdated.scalar_subquery().label("outdated"),
        )
        if with_bare:
            of_agent = agents.c.agent_id == agent_id
            bare = select(func.count()).where(_s.agent_id == agent_id, _s.bare).scalar_subquery()
            is_bare = select(2 * bare > agents.c.conversation_count).where(of_agent)
            query = query.add_columns(is_bare.scalar_subquery().label("bare"))
        if people:
            query = query.add_columns(
                _NOT_IN_LEADS.where(_d.agent_id == agent_id).scalar_subquery().label("not_in_leads")
            )
        with self._database.reading() as connection:
            row = connection.execute(query).one()
        trial = None if row.result is None else DetailsTrial(row.tried_at, row.result)
        pending_now = row.pending + (row.not_in_leads if people else 0)
        return DetailsState(
            pending_now, row.refused, trial, row.outdated, with_bare and bool(row.bare)
        )
