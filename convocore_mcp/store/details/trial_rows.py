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
from convocore_mcp.store.details.tables import (
    REFUSED,
    added_fields,
    details,
    details_trials,
    sparse_rows,
)

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
SHORT_TRIAL = 60
"""Single conversations that a trial asks for without a pause. If all of these are not found (404),
Convocore gives none."""
TRIAL_SIZE = 20
"""Single conversations that are read to find whether they add anything to the list."""
MAX_CANDIDATES = 60
"""Rows that are not sparse of which single conversations are asked for at a time, in a trial."""
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
    if _result(connection, agent_id) == TrialResult.ADDS.value:
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


def want_for_trial(connection: Connection, agent_id: str, *, findable: bool) -> None:
    """Have a trial ask for the newest rows of which no details were read.

    Those that Convocore hardly ever finds come last, or not at all if all must be `findable`.
    """
    unread, missing = _unread(agent_id, again=True), MAX_CANDIDATES
    for condition in [~made_through_api(_c.id, agent_id), *([] if findable else [true()])]:
        query = unread.where(condition).order_by(_c.by_newest.desc()).limit(missing)
        missing -= connection.execute(insert(sparse_rows).from_select(_COLUMNS, query)).rowcount
    if missing < MAX_CANDIDATES:
        forget_weak_trial(connection, agent_id)


def is_open(connection: Connection, agent_id: str) -> bool:
    """Whether the rows that there are now may be tried: nothing was shown, and nothing waits."""
    waits = select(_s.id).where(_s.agent_id == agent_id, _s.again, ~_details_of_row())
    if connection.execute(waits.limit(1)).first() is not None:
        return False
    return _result(connection, agent_id) is None or _is_weak(connection, agent_id)


def forget_weak_trial(connection: Connection, agent_id: str) -> None:
    """Forget what a trial has shown by few conversations: there are new ones."""
    if _is_weak(connection, agent_id):
        connection.execute(delete(details_trials).where(details_trials.c.agent_id == agent_id))


def note_result(
    connection: Connection, agent_id: str, result: TrialResult, *, full_sync_at: int
) -> None:
    """Remember what single conversations have shown."""
    connection.execute(delete(details_trials).where(details_trials.c.agent_id == agent_id))
    values = {"agent_id": agent_id, "full_sync_at": full_sync_at, "result": result.value}
    connection.execute(insert(details_trials), values)
    # The list may have brought rows since the trial looked for more of them.
    untried = select(_s.id).where(
        _s.agent_id == agent_id, ~_details_of_row(), ~made_through_api(_s.id, agent_id)
    )
    if connection.execute(untried.limit(1)).first() is not None:
        forget_weak_trial(connection, agent_id)


def note_that_they_add(connection: Connection, agent_id: str) -> None:
    """Remember that single conversations add something, also where there was no trial."""
    if _result(connection, agent_id) != TrialResult.ADDS.value:
        note_result(connection, agent_id, TrialResult.ADDS, full_sync_at=0)


def _result(connection: Connection, agent_id: str) -> str | None:
    trial = select(details_trials.c.result).where(details_trials.c.agent_id == agent_id)
    return connection.scalar(trial)


def _is_weak(connection: Connection, agent_id: str) -> bool:
    """Whether few conversations have shown that the list is full, or that none can be read."""
    result = _result(connection, agent_id)
    if result == TrialResult.LIST_IS_FULL.value:
        read = select(_d.id).where(_d.agent_id == agent_id, ~REFUSED).limit(TRIAL_SIZE)
        return len(connection.scalars(read).all()) < TRIAL_SIZE
    if result == TrialResult.REFUSED.value:
        # None, if the key or the plan was refused: that says enough.
        refused = select(_d.id).where(_d.agent_id == agent_id, REFUSED).limit(SHORT_TRIAL)
        return 0 < len(connection.scalars(refused).all()) < SHORT_TRIAL
    return False


def made_through_api(id_: ColumnElement[str], agent_id: str) -> ColumnElement[bool]:
    """Whether a conversation was made through the REST API, by its ID.

    Convocore does not find it alone: docs/upstream.md, "The single conversation".
    """
    return id_.startswith(f"{agent_id}_", autoescape=True)


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
