"""Saving what single conversations hold beyond their rows. The caller holds the write lock."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, bindparam, func, insert, literal, select, update

from convocore_mcp.models import Conversation, ReadDetails
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.parsed_records import stored_object
from convocore_mcp.store.database.rows import chunks, from_milliseconds, to_milliseconds
from convocore_mcp.store.database.schema import CURRENT, UNKNOWN, conversations, records
from convocore_mcp.store.details.listed_rows import MergeDetails, delete_ids
from convocore_mcp.store.details.record_times import is_newer
from convocore_mcp.store.details.tables import REFUSED, details, enriched_versions, sparse_rows
from convocore_mcp.store.details.trial_rows import ASKED_FIELDS, LISTED_FIELDS, filled_fields
from convocore_mcp.store.write.versions import Changed, CurrentVersion

_UNUSED_FIELDS = frozenset(
    {"nodes_info", "metrics", "sessions", "average_latency", "detailed_cost", "voice"}
)
"""Record fields that no answer uses: a list that lacks only these fields counts as full."""
MAX_WANTED_AGAIN = 500
"""Details that one transaction wants again, at most."""
NONE: tuple[str | None, str | None] = (None, None)
CLOCK_DIFFERENCE = timedelta(minutes=1)
_c = conversations.c


@dataclass(slots=True)
class Enrichment:
    """What a batch of single conversations changes in the mirror."""

    changed: list[Changed] = field(default_factory=list)
    """Conversations that get a new version."""
    answered: list[ReadDetails] = field(default_factory=list)
    """The answers that belong to the current version of their conversation."""
    listed: dict[str, str] = field(default_factory=dict)
    """The records of these conversations as the list shows them, by id."""
    added: int = 0
    """Conversations of which the single one holds something that people ask about."""
    fields: set[str] = field(default_factory=set)
    """The fields that decide whether further rows are sparse, and that single ones have added."""
    older: set[str] = field(default_factory=set)
    """The IDs of conversations of which the list shows a newer state than the single one."""

    def without(self, ids: Collection[str]) -> "Enrichment":
        """What is left where these conversations are gone."""
        return replace(
            self,
            changed=[(row, old) for row, old in self.changed if row.id not in ids],
            answered=[answer for answer in self.answered if answer.wanted.id not in ids],
        )


def compare_details(
    connection: Connection,
    agent_id: str,
    answers: Sequence[ReadDetails],
    current: Mapping[str, CurrentVersion],
    merge: MergeDetails,
) -> Enrichment:
    """Compare single conversations with the current versions, which are given by id."""
    found = Enrichment()
    listed = _listed_rows(connection, agent_id, [answer.wanted.id for answer in answers])
    for answer in answers:
        id_ = answer.wanted.id
        version = current.get(id_)
        if version is None or version.valid_from != answer.wanted.version or id_ not in listed:
            continue  # the list has brought another version meanwhile
        row, in_mirror = listed[id_]
        found.answered.append(answer)
        found.listed[id_] = row.record
        if answer.single is None:
            continue
        merged = merge(row, answer.single.record)
        known, made = stored_object(row.record), stored_object(merged.record)
        if is_newer(known, than=stored_object(answer.single.record)):
            found.older.add(id_)
        filled = filled_fields(known)
        new = filled_fields(made) - filled
        found.fields |= new & ASKED_FIELDS
        # In a full row, other fields are no reason to ask for each conversation by itself.
        found.added += bool(new & ASKED_FIELDS if filled >= LISTED_FIELDS else new - _UNUSED_FIELDS)
        if made != stored_object(in_mirror):
            found.changed.append((merged, version))
    return found


def _listed_rows(
    connection: Connection, agent_id: str, ids: Sequence[str]
) -> dict[str, tuple[Conversation, str]]:
    """Each wanted conversation as the list shows it, and its record in the mirror."""
    s = sparse_rows.c
    query = (
        select(_c.id, _c.last_activity, _c.first_message, s.listed, records.c.record)
        .join(sparse_rows, (s.agent_id == _c.agent_id) & (s.id == _c.id))
        .join(records, records.c.valid_from == _c.valid_from)
        .where(_c.agent_id == agent_id, _c.valid_to == CURRENT)
    )
    return {
        row.id: (
            Conversation(
                agent_id,
                row.id,
                last_activity=from_milliseconds(row.last_activity),
                first_message=from_milliseconds(row.first_message),
                record=row.listed or row.record,
            ),
            row.record,
        )
        for part in chunks(sorted(set(ids)))
        for row in connection.execute(query.where(_c.id.in_(part)))
    }


def save_answers(
    connection: Connection, agent_id: str, found: Enrichment, *, at: int, at_of_older: int
) -> None:
    """Store the answers, so that no version is soon asked for again; times are in milliseconds.

    An answer that is older than its row counts as read `at_of_older`, so that it is asked for once
    more: a cache may have given it. What was known of a conversation that Convocore gives no more
    is kept.
    """
    ids = [answer.wanted.id for answer in found.answered]
    before = _known_answers(connection, agent_id, ids)
    delete_ids(connection, sparse_rows, agent_id, ids)
    delete_ids(connection, details, agent_id, ids)
    rows = (
        (
            agent_id,
            storable(answer.wanted.id),
            answer.outcome.value,
            record := storable(answer.single.record) if answer.single else before.get(id_, NONE)[0],
            listed := storable(found.listed[id_]),
            at_of_older if id_ in found.older and (record, listed) != before.get(id_) else at,
        )
        for answer in found.answered
        for id_ in (answer.wanted.id,)
    )
    columns = ("agent_id", "id", "outcome", "record", "listed", "read_at")
    bulk.insert_rows(connection, details, columns, rows)


def _known_answers(
    connection: Connection, agent_id: str, ids: Sequence[str]
) -> dict[str, tuple[str | None, str | None]]:
    """The stored record of each of these conversations, and the row that it was read for."""
    d = details.c
    query = select(d.id, d.record, d.listed).where(d.agent_id == agent_id)
    return {
        row.id: (row.record, row.listed)
        for part in chunks(sorted(set(ids)))
        for row in connection.execute(query.where(d.id.in_(part)))
    }


def without_details(
    connection: Connection, agent_id: str, changed: Sequence[Changed]
) -> frozenset[str]:
    """Those of `changed`, by id, of which no details were known."""
    ids, d = sorted(row.id for row, _ in changed), details.c
    query = select(d.id).where(d.agent_id == agent_id, d.record.is_not(None))
    known = {id_ for part in chunks(ids) for id_ in connection.scalars(query.where(d.id.in_(part)))}
    return frozenset(ids) - known


def mark_enriched(
    connection: Connection,
    agent_id: str,
    changed: Sequence[Changed],
    *,
    first: Collection[str],
) -> None:
    """Note that the new versions of `changed` were not seen in the list.

    Those with details for the `first` time are no change, too: a value that was only unknown has
    not changed. A version counts as seen when the list was read: a page that was on its way while
    the details were read must still replace it.
    """
    seen_at = {old.id: old.seen_at for _, old in changed if old is not None}
    if not seen_at:
        return
    new: dict[str, int] = {}
    query = select(_c.id, _c.valid_from).where(_c.agent_id == agent_id, _c.valid_to == CURRENT)
    for part in chunks(sorted(seen_at)):
        found = connection.execute(query.where(_c.id.in_(part)))
        new |= {row.id: row.valid_from for row in found}
    rows = [(number, agent_id) for id_, number in new.items() if id_ in first]
    bulk.insert_rows(connection, enriched_versions, ("valid_from", "agent_id"), rows)
    statement = update(conversations).where(_c.valid_from == bindparam("number"))
    connection.execute(
        statement.values(seen_at=bindparam("seen")),
        [{"number": number, "seen": seen_at[id_]} for id_, number in new.items()],
    )


READ_BEFORE = ~REFUSED & (
    (details.c.read_at < bindparam("early", type_=BigInteger))
    | (details.c.read_at > bindparam("ahead", type_=BigInteger))
)
"""Whether details were read before a moment, or at an unknown one: by a clock that was ahead."""


def read_before(time: datetime, now: datetime) -> dict[str, int]:
    """The values of `READ_BEFORE` for `time`.

    Machines that share a mirror have slightly different clocks.
    """
    ahead = to_milliseconds(now + CLOCK_DIFFERENCE) or 0
    return {"early": to_milliseconds(time) or 0, "ahead": ahead}


def want_again(connection: Connection, agent_id: str, time: datetime, *, now: datetime) -> int:
    """Note that details are wanted again that were read before `time`; returns how many.

    At most `MAX_WANTED_AGAIN`, the oldest first.
    """
    d, s = details.c, sparse_rows.c
    query = (
        select(
            d.agent_id,
            d.id,
            func.coalesce(_c.last_activity, UNKNOWN),
            func.coalesce(_c.score, UNKNOWN),
            d.listed,
            literal(value=True),
            literal(value=False),
        )
        .join(conversations, (_c.agent_id == d.agent_id) & (_c.id == d.id))
        .outerjoin(sparse_rows, (s.agent_id == d.agent_id) & (s.id == d.id))
        .where(d.agent_id == agent_id, READ_BEFORE)
        .where(_c.valid_to == CURRENT, s.id.is_(None))
        .order_by(d.read_at)
        .limit(MAX_WANTED_AGAIN)
    )
    columns = ["agent_id", "id", "last_activity", "score", "listed", "again", "bare"]
    statement = insert(sparse_rows).from_select(columns, query)
    return connection.execute(statement, read_before(time, now)).rowcount
