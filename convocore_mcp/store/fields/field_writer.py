"""Writing the values of fields, in step with the versions of conversations and with the leads.

The caller holds the write lock. Before the first full sync is complete, nobody pages through leads
that changed since: no old versions of leads are kept then.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from sqlalchemy import Connection, Row, Select, delete, select

from convocore_mcp.models import Conversation, DerivedKeys, Lead
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.coverage import note_leads_changed
from convocore_mcp.store.database.schema import CURRENT, agents
from convocore_mcp.store.database.sequence import set_sequence_number
from convocore_mcp.store.fields.conversation_values import (
    COLUMNS,
    OVERDUE_BY_ALERT_ALONE,
    DueMoments,
    StoredValue,
    conversation_values,
)
from convocore_mcp.store.fields.field_tables import (
    LONG_TEXTS,
    conversation_fields,
    conversation_texts,
    lead_fields,
)
from convocore_mcp.store.fields.lead_values import LEAD_COLUMNS, lead_values
from convocore_mcp.store.fields.single_leads import insert_single_leads, single_leads

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT_COLUMNS = ("valid_from", *(field.name for field in LONG_TEXTS))
_c, _l = conversation_fields.c, lead_fields.c
_VALUES = tuple(_c[name] for name in COLUMNS)
_LEAD_VALUES = tuple(_l[name] for name in ("number", "lead_id", *LEAD_COLUMNS))


class Due(Protocol):
    """When something is due, and from when on it is overdue (`leads.due_dates.Due`)."""

    @property
    def at(self) -> datetime: ...  # noqa: D102
    @property
    def overdue_at(self) -> datetime: ...  # noqa: D102


class DueDates(Protocol):
    """What of a conversation is or will be overdue (`leads.due_dates.DueDates`)."""

    @property
    def activities(self) -> Sequence[Due]: ...  # noqa: D102
    @property
    def activity_alert(self) -> bool: ...  # noqa: D102
    @property
    def close_alert(self) -> bool: ...  # noqa: D102
    @property
    def activity_overdue_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def close_overdue_at(self) -> datetime | None: ...  # noqa: D102


DueDatesOf = Callable[[Conversation, tzinfo], DueDates]


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version of a conversation that begins."""

    number: int
    conversation: Conversation
    keys: DerivedKeys
    lead_id: str | None


def begin_versions(
    connection: Connection, new: Iterable[NewVersion], due_dates: DueDatesOf, zone: tzinfo
) -> None:
    """Write the values of versions that begin."""
    values, long_texts = [], []
    for version in new:
        c = version.conversation
        texts: list[str | None] = []
        due = _moments(due_dates(c, zone)) if _may_be_due(c) else _NOT_DUE
        row = conversation_values(c, version.keys, due, zone, texts)
        row[_LEAD_ID] = version.lead_id
        values.append((version.number, CURRENT, *row))
        long_texts.append((version.number, *texts))
    bulk.insert_rows(connection, conversation_fields, COLUMNS, values)
    bulk.insert_rows(connection, conversation_texts, _TEXT_COLUMNS, long_texts)


_LEAD_ID = COLUMNS.index("lead_id") - 2
_NOT_DUE = DueMoments()


def _may_be_due(c: Conversation) -> bool:
    return bool(c.facts.activities or c.expected_close or c.alerts)


def _moments(dates: DueDates) -> DueMoments:
    activity, close = _stored(dates.activity_overdue_at), _stored(dates.close_overdue_at)
    due_times = (
        ((due.at - _EPOCH) // _MS, (due.overdue_at - _EPOCH) // _MS) for due in dates.activities
    )
    alerted = OVERDUE_BY_ALERT_ALONE
    return DueMoments(
        due_times=tuple(due_times),
        activity_overdue_at=alerted if dates.activity_alert and activity is None else activity,
        close_overdue_at=alerted if dates.close_alert and close is None else close,
    )


_MS = timedelta(milliseconds=1)


def _stored(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // _MS


def end_versions(connection: Connection, ended: Iterable[tuple[int, int]]) -> None:
    """End each version, given by its number, at a sequence number."""
    pairs = ((number, version) for version, number in ended)
    bulk.update_column(connection, _c.valid_to, _c.valid_from, pairs)


def move_to_leads(connection: Connection, moved: Iterable[tuple[str | None, int]]) -> None:
    """Note the leads that versions belong to: pairs of a lead and a version."""
    bulk.update_column(connection, _c.lead_id, _c.valid_from, moved)


def overdue_moments(connection: Connection, versions: Collection[int]) -> dict[int, int]:
    """From when on each of these versions has anything overdue, in milliseconds.

    Those of which nothing ever will be are left out.
    """
    columns = (_c.valid_from, _c.activity_overdue_at, _c.close_overdue_at)
    where = "(activity_overdue_at IS NOT NULL OR close_overdue_at IS NOT NULL)"
    found = bulk.rows_in(connection, columns, _c.valid_from, versions, where=where)
    return {row[0]: min(moment for moment in row[1:] if moment is not None) for row in found}


def replace_leads(
    connection: Connection,
    agent_id: str,
    old: Collection[str],
    made: Sequence[Lead],
    versions: dict[str, int],
    sequence_number: int,
) -> None:
    """Put the values of the leads `made` in place of those of the leads `old`.

    `versions` has the current version of each conversation in them. Where a lead differs, a new
    sequence number is taken: pages that were read before show the lead as it was.
    """
    before = _current(connection, agent_id, {*old, *(lead.lead_id for lead in made)})
    single = single_leads(connection, [m for m in made if m.lead_id not in before], versions)
    copied = {lead.lead_id for lead, _ in single}
    others = [lead for lead in made if lead.lead_id not in copied]
    values = _conversation_values(connection, others, versions)
    new, unchanged = [], set()
    for lead in others:
        row = lead_values(lead, [values[versions[id_]] for id_ in lead.conversation_ids])
        existing = before.get(lead.lead_id)
        if existing is not None and row == tuple(existing[2:]):
            unchanged.add(lead.lead_id)
        else:
            new.append(row)
    ended = [row[0] for lead_id, row in before.items() if lead_id not in unchanged]
    if not (new or ended or single):
        return
    number = sequence_number + 1
    if _keeps_old_versions(connection, agent_id):
        pairs = ((number, version) for version in ended)
        bulk.update_column(connection, _l.valid_to, _l.number, pairs)
    else:
        bulk.delete_rows(connection, (_l.number,), ((version,) for version in ended))
    columns = ("valid_from", "valid_to", *LEAD_COLUMNS)
    bulk.insert_rows(connection, lead_fields, columns, ((number, CURRENT, *row) for row in new))
    insert_single_leads(connection, single, number=number)
    set_sequence_number(connection, number)
    note_leads_changed(connection, agent_id, number)


def _current(
    connection: Connection, agent_id: str, lead_ids: Collection[str]
) -> dict[str, Row[*tuple[object, ...]]]:
    """The current versions of these leads."""
    where, given = "agent_id = ? AND valid_to = ?", (agent_id, CURRENT)
    found = bulk.rows_in(connection, _LEAD_VALUES, _l.lead_id, lead_ids, where=where, given=given)
    return {row[1]: row for row in found}


def _conversation_values(
    connection: Connection, made: Sequence[Lead], versions: dict[str, int]
) -> dict[int, Sequence[StoredValue]]:
    """The stored values of the conversations of these leads, by version."""
    numbers = [versions[id_] for lead in made for id_ in lead.conversation_ids]
    return {row[0]: row for row in bulk.rows_in(connection, _VALUES, _c.valid_from, numbers)}


def _keeps_old_versions(connection: Connection, agent_id: str) -> bool:
    a = agents.c
    return connection.scalar(select(a.baseline).where(a.agent_id == agent_id)) is not None


def prune(connection: Connection, versions: Select[int], *, up_to: int) -> None:
    """Delete what belongs to `versions` of conversations, and leads that ended by then."""
    for table in (conversation_fields, conversation_texts):
        connection.execute(delete(table).where(table.c.valid_from.in_(versions)))
    connection.execute(delete(lead_fields).where(_l.valid_to <= up_to))
