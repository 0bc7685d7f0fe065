"""What the mirror knows of people: for masking answers, and for resolving pseudonyms."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, or_, select

from convocore_mcp.fields.personal_fields import Personal, personal_kind
from convocore_mcp.models.personal import PersonalValues
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.parsed_records import stored_list, stored_object
from convocore_mcp.store.database.rows import chunks
from convocore_mcp.store.database.schema import CURRENT, conversations, meta, records
from convocore_mcp.store.database.sequence import sequence_number, take_write_lock
from convocore_mcp.store.fields.field_tables import conversation_fields
from convocore_mcp.store.read.cache import ResultCache
from convocore_mcp.words.folding import words

PSEUDONYM_KEY = "pseudonym_key"
"""The row of `meta` that holds the secret from which pseudonyms are made."""
_c, _f = conversations.c, conversation_fields.c
_KNOWN = (
    _c.id,
    _c.lead_id,
    _c.name,
    _c.email,
    _c.phone,
    _c.links,
    _c.country,
    _c.assignees,
    _f.data,
    records.c.record,
)
_COLUMNS: dict[Personal, tuple[Column[Any], ...]] = {
    Personal.PERSON: (_c.name, _c.assignees),
    Personal.EMAIL: (_c.email, _c.assignees),
    Personal.PHONE: (_c.phone,),
    Personal.LINK: (_c.links,),
    Personal.ID: (_c.id, _c.lead_id),
}


class PersonalData:
    """Reads names and contacts. Plain blocking calls: run them in a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._words = ResultCache(1)

    @property
    def generation(self) -> str:
        """The generation of the mirror, to which the key belongs."""
        return self._database.generation

    def key(self) -> bytes:
        """The secret of this mirror; made at the first use."""
        with self._database.reading() as connection:
            stored = _stored_key(connection)
        if stored is None:
            with self._database.writing() as connection:
                take_write_lock(connection)
                stored = _stored_key(connection)  # another process may have been faster
                if stored is None:
                    stored = secrets.token_hex(32)
                    row = {"key": PSEUDONYM_KEY, "value": stored}
                    connection.execute(meta.insert(), row)
        return bytes.fromhex(stored)

    def people(self, agent_ids: Sequence[str], ids: Iterable[str]) -> dict[str, PersonalValues]:
        """What is known of the people with these conversation or lead IDs, by ID.

        Older versions count too: a change tells the name that somebody had before.
        """
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        with self._database.reading() as connection:
            leads = set(wanted)
            for part in chunks(wanted):
                of_lead = select(_c.lead_id).where(_c.agent_id.in_(agent_ids), _c.id.in_(part))
                leads |= {lead for lead in connection.scalars(of_lead) if lead is not None}
            rows = [
                row
                for part in chunks(sorted(leads))
                for row in connection.execute(
                    select(*_KNOWN)
                    .join(conversation_fields, _f.valid_from == _c.valid_from)
                    .outerjoin(records, records.c.valid_from == _c.valid_from)
                    .where(_c.agent_id.in_(agent_ids), or_(_c.id.in_(part), _c.lead_id.in_(part)))
                )
            ]
        return _by_id(rows)

    def values(self, agent_ids: Sequence[str], kind: Personal) -> Iterable[str]:
        """Every value of a kind in the mirror, as it was written."""
        for column in _COLUMNS.get(kind, ()):
            query = select(column).where(
                _c.agent_id.in_(agent_ids), _c.valid_to == CURRENT, column.is_not(None)
            )
            with self._database.reading() as connection:
                found = list(connection.scalars(query.distinct()))
            for value in found:
                yield from _listed(value) if column in {_c.assignees, _c.links} else (value,)

    def name_words(self, agent_ids: Sequence[str]) -> frozenset[str]:
        """The folded words of every name in the mirror, also of those in captured data."""
        with self._database.reading() as connection:
            version = sequence_number(connection)
        of_state = (self.generation, tuple(agent_ids), version)
        return self._words.get(of_state, lambda: self._name_words(agent_ids))

    def _name_words(self, agent_ids: Sequence[str]) -> frozenset[str]:
        of_agents = (_c.agent_id.in_(agent_ids), _c.valid_to == CURRENT)
        query = (
            select(_f.data)
            .join(conversations, _f.valid_from == _c.valid_from)
            .where(*of_agents, _f.data.is_not(None))
        )
        with self._database.reading() as connection:
            stored = list(connection.scalars(query))
        names = [
            shown or key
            for data in stored
            for name, (key, _, shown) in stored_object(data).items()
            if personal_kind(name) is Personal.PERSON
        ]
        names += self.values(agent_ids, Personal.PERSON)
        return frozenset(word for name in names for word in words(name) if len(word) > 1)


def _stored_key(connection: Connection) -> str | None:
    return connection.scalar(select(meta.c.value).where(meta.c.key == PSEUDONYM_KEY))


def _by_id(rows: Iterable[Any]) -> dict[str, PersonalValues]:
    """The values of each lead, also by the IDs of its conversations."""
    of_lead: dict[str, PersonalValues] = {}
    lead_of: dict[str, str] = {}
    for row in rows:
        lead = row.lead_id or row.id
        lead_of[row.id] = lead
        known = of_lead.get(lead, PersonalValues())
        of_lead[lead] = known.joined(_values_of(row))
    return of_lead | {id_: of_lead[lead] for id_, lead in lead_of.items()}


def _values_of(row: Any) -> PersonalValues:
    found: dict[Personal, list[str]] = {kind: [] for kind in Personal}
    written = ((Personal.PERSON, "name"), (Personal.EMAIL, "email"), (Personal.PHONE, "phone"))
    for kind, column in written:
        found[kind] += filter(None, [getattr(row, column)])
    found[Personal.LINK] += _listed(row.links)
    for name, (key, _, shown) in stored_object(row.data or "{}").items():
        if (of_name := personal_kind(name)) is not None:
            found[of_name].append(shown or key)
    record = stored_object(row.record or "{}")
    found[Personal.PERSON] += _texts(record, "smb_contact_name")
    found[Personal.ADDRESS] += _texts(record, "user_address")
    return PersonalValues(
        names=tuple(found[Personal.PERSON]),
        colleagues=(*_listed(row.assignees), *_team(record)),
        emails=tuple(found[Personal.EMAIL]),
        phones=tuple(found[Personal.PHONE]),
        links=tuple(found[Personal.LINK]),
        addresses=tuple(found[Personal.ADDRESS]),
        countries=(row.country,) if row.country and len(row.country) == 2 else (),
    )


def _team(record: object) -> Iterator[str]:
    """Names of the team that stand in a record, beside those to whom it is assigned."""
    yield from _texts(record, "delegated_by")
    for handoff in _items(record, "handoff_history"):
        yield from _texts(handoff, "accepted_by")
    for activity in _items(record, "crm_activities"):
        for note in _items(activity, "notes_history"):
            yield from _texts(note, "agent_name")


def _items(part: object, name: str) -> Iterator[object]:
    found = part.get(name) if isinstance(part, dict) else None
    yield from found if isinstance(found, list) else ()


def _texts(part: object, name: str) -> Iterator[str]:
    found = part.get(name) if isinstance(part, dict) else None
    if isinstance(found, str) and found.strip():
        yield found


def _listed(stored: str | None) -> Iterator[str]:
    yield from stored_list(stored) if stored else ()
