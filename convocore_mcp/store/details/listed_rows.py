"""Details when list rows are saved: known ones are kept, new ones are wanted.

The caller holds the write lock.
"""

from collections.abc import Callable, Container, Sequence
from operator import attrgetter

from sqlalchemy import Connection, Table, delete, literal, select

from convocore_mcp.models import Conversation, TrialResult
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.rows import chunks, digest_of, to_milliseconds
from convocore_mcp.store.database.schema import UNKNOWN
from convocore_mcp.store.details.tables import details, details_trials, sparse_rows
from convocore_mcp.store.details.trial_rows import added_fields_of, forget_weak_trial, has_field
from convocore_mcp.store.write.versions import Changed

MergeDetails = Callable[[Conversation, str], Conversation]
"""A list row with what the single conversation's record adds (`sync.details.merge_records`)."""


LIST_IS_FULL = TrialResult.LIST_IS_FULL.value
_ABOUT = attrgetter(
    "state", "stage", "label", "assignee", "identity", "name", "email", "phone", "company",
    "title", "summary", "last_message", "notes",
)  # fmt: skip
_COLUMNS = ("agent_id", "id", "last_activity", "score", "listed", "again", "bare")


def is_sparse(row: Conversation) -> bool:
    """Whether the single conversation may hold more than this row, in any list."""
    return row.state is None or row.summary is None or row.last_message is None


def _is_bare(row: Conversation) -> bool:
    """Whether the row says neither who wrote, nor what about, nor where it stands.

    So do the rows of a sparse list (docs/upstream.md, "The list endpoint").
    """
    return all(value is None for value in _ABOUT(row))


def sparse_ids(connection: Connection, agent_id: str, changed: Sequence[Changed]) -> frozenset[str]:
    """The IDs of the sparse rows among `changed`: single conversations may hold more."""
    added = added_fields_of(connection, agent_id) if changed else frozenset()
    return frozenset(
        row.id
        for row, _ in changed
        if is_sparse(row) or not all(has_field(row.record, name) for name in added)
    )


def with_known_details(
    connection: Connection,
    agent_id: str,
    changed: Sequence[Changed],
    sparse: Container[str],
    merge: MergeDetails,
) -> list[Changed]:
    """`changed` with `sparse` rows filled in from details that were read for an older version.

    So a sparse row does not erase them; the details of the new version are wanted all the same. But
    where a trial has shown that the list is full, what a row lacks is no longer there.
    """
    candidates = [row.id for row, old in changed if old is not None and row.id in sparse]
    if not candidates:
        return list(changed)
    known = _known_records(connection, agent_id, candidates)
    return [
        (merge(row, known[id_]) if (id_ := storable(row.id)) in known else row, old)
        for row, old in changed
    ]


def _known_records(connection: Connection, agent_id: str, ids: Sequence[str]) -> dict[str, str]:
    d = details.c
    trial = (details_trials.c.agent_id == agent_id, details_trials.c.result == LIST_IS_FULL)
    query = select(d.id, d.record).where(
        d.agent_id == agent_id, d.record.is_not(None), ~select(literal(1)).where(*trial).exists()
    )
    return {
        row.id: row.record
        for part in chunks(sorted(ids))
        for row in connection.execute(query.where(d.id.in_(part)))
    }


def note_listed(
    connection: Connection,
    agent_id: str,
    changed: Sequence[Changed],
    filled: Sequence[Changed],
    sparse: Container[str],
) -> None:
    """Note which details are wanted: those of the `sparse` rows that begin a version.

    `filled` are the same rows after `with_known_details`.
    """
    replaced = [row for row, old in changed if old is not None]
    if replaced:
        delete_ids(connection, sparse_rows, agent_id, [row.id for row in replaced])
        # A full row holds everything, so the details of the older version are out of date.
        full = [row.id for row in replaced if row.id not in sparse]
        delete_ids(connection, details, agent_id, full)
    wanted = [
        (
            agent_id,
            storable(row.id),
            UNKNOWN if (active := to_milliseconds(row.last_activity)) is None else active,
            UNKNOWN if row.score is None else row.score,
            None if row is now else storable(row.record),
            False,
            _is_bare(row),
        )
        for (row, _), (now, _) in zip(changed, filled, strict=True)
        if row.id in sparse
    ]
    bulk.insert_rows(connection, sparse_rows, _COLUMNS, wanted)
    if wanted:
        forget_weak_trial(connection, agent_id)


def delete_ids(connection: Connection, table: Table, agent_id: str, ids: Sequence[str]) -> None:
    """Delete the rows of these conversations from one of the tables of details."""
    for part in chunks(sorted(ids)):
        condition = (table.c.agent_id == agent_id, table.c.id.in_(part))
        connection.execute(delete(table).where(*condition))


def delete_removed(connection: Connection, agent_id: str, ids: Sequence[str]) -> None:
    """Delete everything about the details of removed conversations."""
    for table in (sparse_rows, details):
        delete_ids(connection, table, agent_id, ids)


def list_digests(changed: Sequence[Changed], filled: Sequence[Changed]) -> dict[str, bytes]:
    """The digests of the list rows that were filled in, by id: a row is recognized by them."""
    return {
        row.id: digest_of(row)
        for (row, _), (now, _) in zip(changed, filled, strict=True)
        if row is not now
    }
