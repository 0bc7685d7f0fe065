"""Rows of a list that only a trial asks for: it is not known yet whether they are sparse.

A list may leave out one field of every row, as the name, and hold all others. No single row shows
that: a person may have no name. So if hardly any row has a field that people ask about, a trial
asks for single conversations, and the fields that these add are stored: from then on, each row
without such a field is sparse. The caller holds the write lock, except for `lacks_a_field`.
"""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    delete,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    true,
)

from convocore_mcp.models import TrialResult
from convocore_mcp.store.database.schema import CURRENT, UNKNOWN, conversations, records
from convocore_mcp.store.details.tables import added_fields, details, details_trials, sparse_rows

ASKED_FIELDS = frozenset(
    {
        "user_name", "user_email", "user_phone", "contact_identity_id", "state", "stage", "title",
        "summary", "last_message", "captured_variables", "token_usage",
    }
)  # fmt: skip
"""Fields of a record that decide who somebody is, or that answers count and search."""
LISTED_FIELDS = frozenset({"state", "summary", "last_message"})
"""A row without one of these is sparse in any list (`listed_rows.is_sparse`)."""
SAMPLE_ROWS, MIN_ONE_IN = 200, 20
"""The list may leave a field out if fewer than one in `MIN_ONE_IN` of the newest `SAMPLE_ROWS` rows
have it."""
MAX_CANDIDATES = 60
"""Single conversations that a trial may ask for (`sync.details.plan.MAX_TRIED`)."""
_EMPTY = ('""', "[]", "{}")
_c, _s, _d, _r = conversations.c, sparse_rows.c, details.c, records.c
_COLUMNS = ["agent_id", "id", "last_activity", "score", "listed", "again", "bare"]


def is_blank(value: object) -> bool:
    """Whether a field says nothing: some lists write `""` where they leave a field out."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, dict):
        return all(map(is_blank, value.values()))
    return value is None or (isinstance(value, list) and all(map(is_blank, value)))


def filled_fields(record: Mapping[str, object]) -> frozenset[str]:
    """The fields of a record that say something."""
    return frozenset(name for name, value in record.items() if not is_blank(value))


def has_field(record: str, name: str) -> bool:
    """Whether a record, as `api` writes it, has the field, and not empty."""
    field = _as_written(name)
    return field in record and not any(field + empty in record for empty in _EMPTY)


def lacks_a_field(connection: Connection, agent_id: str) -> bool:
    """Whether the list may leave out a field, and no trial has shown yet that it does."""
    trial = select(details_trials.c.result).where(details_trials.c.agent_id == agent_id)
    if connection.scalar(trial) == TrialResult.ADDS.value:
        return False
    newest = (
        select(_r.record)
        .join(conversations, _c.valid_from == _r.valid_from)
        .where(_c.agent_id == agent_id, _c.valid_to == CURRENT)
        .order_by(_c.by_newest.desc())
        .limit(SAMPLE_ROWS)
    )
    rows = connection.scalars(newest).all()
    return any(
        MIN_ONE_IN * sum(has_field(record, name) for record in rows) < len(rows)
        for name in ASKED_FIELDS
    )


def want_for_trial(connection: Connection, agent_id: str) -> None:
    """Have a trial ask for the newest rows of which no details were read."""
    query = _unread(agent_id, again=True).order_by(_c.by_newest.desc()).limit(MAX_CANDIDATES)
    connection.execute(insert(sparse_rows).from_select(_COLUMNS, query))


def added_fields_of(connection: Connection, agent_id: str) -> frozenset[str]:
    """The fields that single conversations of the agent have added to their rows."""
    names = select(added_fields.c.name).where(added_fields.c.agent_id == agent_id)
    return frozenset(connection.scalars(names))


def note_added(connection: Connection, agent_id: str, names: Iterable[str]) -> None:
    """Note fields that single conversations have added, and want the details of rows without."""
    new = frozenset(names) - added_fields_of(connection, agent_id)
    if not new:
        return
    connection.execute(
        insert(added_fields), [{"agent_id": agent_id, "name": name} for name in sorted(new)]
    )
    only_tried = (_s.agent_id == agent_id, _s.again, ~_details_of_row())
    connection.execute(delete(sparse_rows).where(*only_tried))
    connection.execute(insert(sparse_rows).from_select(_COLUMNS, _without_field(agent_id, new)))


def _details_of_row() -> ColumnElement[bool]:
    return select(_d.id).where(_d.agent_id == _s.agent_id, _d.id == _s.id).exists()


def _unread(agent_id: str, *, again: bool) -> Select[tuple[object, ...]]:
    """Current conversations of which no details were read and none are wanted, as sparse rows."""
    wanted = select(_s.id).where(_s.agent_id == _c.agent_id, _s.id == _c.id)
    read = select(_d.id).where(_d.agent_id == _c.agent_id, _d.id == _c.id)
    return select(
        _c.agent_id,
        _c.id,
        func.coalesce(_c.last_activity, UNKNOWN),
        func.coalesce(_c.score, UNKNOWN),
        literal(None),
        true() if again else false(),
        false(),
    ).where(_c.agent_id == agent_id, _c.valid_to == CURRENT, ~wanted.exists(), ~read.exists())


def _without_field(agent_id: str, names: Collection[str]) -> Select[tuple[object, ...]]:
    fields = [_as_written(name) for name in names]
    lacks = or_(
        *(~_r.record.contains(field, autoescape=True) for field in fields),
        *(
            _r.record.contains(field + empty, autoescape=True)
            for field in fields
            for empty in _EMPTY
        ),
    )
    return _unread(agent_id, again=False).join(records, _r.valid_from == _c.valid_from).where(lacks)


def _as_written(name: str) -> str:
    return f'"{name}":'
