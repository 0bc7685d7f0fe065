"""Erasing a person, or what is old: no change reports it; it is as if it had never been there.

Everything goes that was written about the conversations: every version and record, the search
index, leads and their terms, changes, details, transcripts, quarantined rows. On SQLite the freed
pages are overwritten.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing

from sqlalchemy import Connection, delete, func, select, text, update

from convocore_mcp.models import Conversation, DerivedKeys
from convocore_mcp.store.database.coverage import note_data_changed, note_leads_changed
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.rows import chunks
from convocore_mcp.store.database.schema import (
    CURRENT,
    SEARCH,
    conversations,
    dirty_conversations,
    lead_terms,
    leads,
    quarantine,
    records,
    search_terms,
    word_trigrams,
)
from convocore_mcp.store.database.sequence import (
    sequence_number,
    set_sequence_number,
    take_write_lock,
)
from convocore_mcp.store.details.tables import details, enriched_versions, sparse_rows, transcripts
from convocore_mcp.store.engines.postgresql_connection import TIMEOUT_OPTION
from convocore_mcp.store.fields.field_tables import (
    conversation_fields,
    conversation_texts,
    lead_fields,
)
from convocore_mcp.store.write import search_words
from convocore_mcp.store.write.rebuild import MergeAffected, rebuild_all
from convocore_mcp.store.write.tombstones import Tombstones, contact_values, id_values
from convocore_mcp.store.write.traces import Traces, find_traces, quarantined_rows
from convocore_mcp.store.write.versions import CurrentVersion, mark_dirty

VACUUM_SECONDS = 3600
"""How long PostgreSQL may take to reclaim what was erased of one table."""
_c = conversations.c
_OF_VERSIONS = (conversation_fields, conversation_texts, records, enriched_versions)
_OF_CONVERSATIONS = (details, sparse_rows, transcripts, dirty_conversations)
_OF_LEADS = (leads, lead_fields, lead_terms)
_ALL = (
    *_OF_VERSIONS, *_OF_CONVERSATIONS, *_OF_LEADS,
    conversations, quarantine, search_terms, word_trigrams,
)  # fmt: skip


class Eraser:
    """Finds and erases what is known of a person. Plain blocking calls."""

    def __init__(self, database: Database, merge_affected: MergeAffected | None = None) -> None:
        """By the rule `merge_affected`, leads are brought up to date before a person is erased:
        what has just been read counts, too. Without it, leads count as they are."""
        self._database = database
        self._merge_affected = merge_affected
        self.tombstones = Tombstones(database)

    def traces(self, agent_id: str, conversation_ids: Collection[str]) -> Traces:
        """Everything that these conversations, all of one person, have left in the mirror."""
        with self._database.reading() as connection:
            return find_traces(connection, agent_id, conversation_ids)

    def forget(
        self, agent_id: str, conversation_ids: Collection[str], *, agents: Collection[str] = ()
    ) -> Traces:
        """Erase a person, and remember by salted hashes that they are not to come back.

        That holds for this agent and for the other `agents`. All is one transaction: a sync that
        runs meanwhile saves before it, or sees the hashes.
        """
        with self._database.writing() as connection:
            number = take_write_lock(connection)
            self._rebuild_leads(connection, agent_id, number)
            traces = find_traces(connection, agent_id, conversation_ids)
            if traces.conversation_ids:
                contacts = _contacts_of_nobody_else(connection, agent_id, traces)
                known = id_values(traces.conversation_ids, traces.identities)
                for agent in {agent_id, *agents}:
                    self.tombstones.add(connection, agent, known | contacts)
                erase(connection, agent_id, traces)
                set_sequence_number(connection, number + 1)
                self._rebuild_leads(connection, agent_id, number + 1)
                _erase_older_versions(connection, agent_id, traces.shared_lead_ids)
        self.overwrite_freed()
        return traces

    def _rebuild_leads(self, connection: Connection, agent_id: str, number: int) -> None:
        if self._merge_affected is not None:
            rebuild_all(connection, agent_id, self._merge_affected, number=number)

    def overwrite_freed(self) -> None:
        """Have the engine reclaim what was erased, so that no file holds it any more."""
        engine = self._database.engine
        if engine.dialect.name == "sqlite":
            optimize = f"INSERT INTO {SEARCH}({SEARCH}) VALUES ('optimize')"  # noqa: S608  ours
            with self._database.writing() as connection:
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
                connection.exec_driver_sql(optimize)
            with closing(engine.raw_connection()) as raw:  # not in a transaction
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        options = {"isolation_level": "AUTOCOMMIT", TIMEOUT_OPTION: VACUUM_SECONDS}
        with engine.connect() as connection:
            connection.execution_options(**options)
            for table in _ALL:
                connection.exec_driver_sql(f"VACUUM {table.name}")


def _contacts_of_nobody_else(connection: Connection, agent_id: str, found: Traces) -> set[str]:
    """The email addresses and phone numbers that no other conversation has."""
    contacts: set[str] = set()
    for column, values in ((_c.email_key, found.emails), (_c.phone_key, found.phones)):
        others = select(column).where(
            _c.agent_id == agent_id,
            _c.valid_to == CURRENT,
            column.in_(values),
            _c.id.not_in(found.conversation_ids),
        )
        own = values - set(connection.scalars(others))
        is_email = column is _c.email_key
        for value in own:
            contacts |= contact_values(value if is_email else None, None if is_email else value)
    return contacts


def erase(connection: Connection, agent_id: str, found: Traces) -> None:
    """Delete every trace. The caller holds the write lock."""
    q = quarantine.c
    for digest in quarantined_rows(connection, agent_id, found):
        connection.execute(delete(quarantine).where(q.agent_id == agent_id, q.digest == digest))
    _erase_rows(connection, agent_id, found)
    mark_dirty(connection, _others(connection, agent_id, found.shared_lead_ids, found))
    _erase_older_versions(connection, agent_id, found.shared_lead_ids)


def _erase_older_versions(connection: Connection, agent_id: str, lead_ids: Collection[str]) -> None:
    """Delete older versions of leads that the person has left: they hold the person's values."""
    f = lead_fields.c
    for part in chunks(sorted(lead_ids)):
        older_versions = (f.agent_id == agent_id, f.lead_id.in_(part), f.valid_to != CURRENT)
        connection.execute(delete(lead_fields).where(*older_versions))


def _others(
    connection: Connection, agent_id: str, lead_ids: Collection[str], found: Traces
) -> list[tuple[str, str, str]]:
    """The conversations that stay in these leads, each with its agent and its lead."""
    return [
        (agent_id, *row)
        for part in chunks(sorted(lead_ids))
        for row in connection.execute(
            select(_c.id, _c.lead_id).where(
                _c.agent_id == agent_id, _c.lead_id.in_(part), _c.valid_to == CURRENT
            )
        )
        if row.id not in found.conversation_ids
    ]


def erase_conversations(connection: Connection, agent_id: str, ids: Collection[str]) -> None:
    """Delete conversations alone: leads with others stay. The caller holds the write lock.

    The leads of those that stay are to be rebuilt.
    """
    found = Traces(conversation_ids=set(ids))
    for part in chunks(sorted(ids)):
        query = select(_c.lead_id).where(_c.agent_id == agent_id, _c.id.in_(part)).distinct()
        found.lead_ids |= {lead_id for lead_id in connection.scalars(query) if lead_id}
    others = _others(connection, agent_id, found.lead_ids, found)
    found.lead_ids -= {lead_id for _, _, lead_id in others}
    _erase_rows(connection, agent_id, found)
    mark_dirty(connection, others)


def erase_forgotten(
    connection: Connection,
    tombstones: Tombstones,
    rows: Mapping[str, Conversation],
    current: Mapping[str, CurrentVersion],
    keys_of: Callable[[Conversation], DerivedKeys],
    *,
    number: int,
) -> tuple[int, set[str]]:
    """Erase what the mirror has of those rows of one agent that belong to forgotten people.

    The list may show nothing but the ID of such a row, so by that it stays away from now on.
    `current` are the versions in the mirror; `number` is that of the newest change. Returns which
    one it is then, and the IDs of these rows. The caller holds the write lock.
    """
    forgotten = tombstones.forgotten(connection, rows, current, keys_of)
    known = forgotten & current.keys()
    if not known:
        return number, forgotten
    agent_id = rows[min(known)].agent_id
    tombstones.add(connection, agent_id, id_values(known, ()))
    erase_conversations(connection, agent_id, known)
    set_sequence_number(connection, number + 1)
    return number + 1, forgotten


def _erase_rows(connection: Connection, agent_id: str, found: Traces) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    words = _search_words(connection, agent_id, found)
    terms = _name_terms(connection, agent_id, found.lead_ids)
    current = 0
    for part in chunks(sorted(found.conversation_ids)):
        of_part = (_c.agent_id == agent_id, _c.id.in_(part))
        current += (
            connection.scalar(select(func.count()).where(*of_part, _c.valid_to == CURRENT)) or 0
        )
        versions = select(_c.valid_from).where(*of_part)
        for table in _OF_VERSIONS:
            connection.execute(delete(table).where(table.c.valid_from.in_(versions)))
        for table in _OF_CONVERSATIONS:
            of_agent = table.c.agent_id == agent_id
            connection.execute(delete(table).where(of_agent, table.c.id.in_(part)))
        connection.execute(delete(conversations).where(*of_part))
    _erase_leads(connection, agent_id, found.lead_ids)
    _drop_unused_words(connection, agent_id, terms, words)
    note_data_changed(connection, agent_id, added=-current)
    # The caller takes the next sequence number: no version is left that would show the change.
    note_leads_changed(connection, agent_id, sequence_number(connection) + 1)


def _erase_leads(connection: Connection, agent_id: str, lead_ids: Collection[str]) -> None:
    """Delete leads, and their IDs where ended versions of other conversations still have them."""
    f = conversation_fields.c
    for part in chunks(sorted(lead_ids)):
        for table in _OF_LEADS:
            of_agent = table.c.agent_id == agent_id
            connection.execute(delete(table).where(of_agent, table.c.lead_id.in_(part)))
        in_lead = (_c.agent_id == agent_id, _c.lead_id.in_(part))
        versions = f.valid_from.in_(select(_c.valid_from).where(*in_lead))
        connection.execute(update(conversation_fields).where(versions).values(lead_id=None))
        connection.execute(update(conversations).where(*in_lead).values(lead_id=None))
        began_in_lead = (_c.agent_id == agent_id, _c.first_lead_id.in_(part))
        connection.execute(update(conversations).where(*began_in_lead).values(first_lead_id=None))


def _name_terms(connection: Connection, agent_id: str, lead_ids: Collection[str]) -> set[str]:
    """The terms that the leads are found by."""
    t = lead_terms.c
    return {
        term
        for part in chunks(sorted(lead_ids))
        for term in connection.scalars(
            select(t.term).where(t.agent_id == agent_id, t.lead_id.in_(part))
        )
    }


def _search_words(connection: Connection, agent_id: str, found: Traces) -> Sequence[str]:
    """The words of the conversations in PostgreSQL's list of words; SQLite has no such list."""
    if connection.dialect.name != "postgresql":
        return ()
    listed = func.unnest(func.tsvector_to_array(_c.search))
    query = select(listed).where(_c.agent_id == agent_id, _c.id.in_(found.conversation_ids))
    return list(connection.scalars(query.distinct()))


def _drop_unused_words(
    connection: Connection, agent_id: str, terms: Collection[str], words: Sequence[str]
) -> None:
    """Drop words from the lists of words if nobody else has them."""
    t, w = lead_terms.c, word_trigrams.c
    for part in chunks(sorted(terms)):
        used = set(
            connection.scalars(select(t.term).where(t.agent_id == agent_id, t.term.in_(part)))
        )
        unused = [term[1:] for term in part if term not in used]
        connection.execute(delete(word_trigrams).where(w.agent_id == agent_id, w.word.in_(unused)))
    for part in chunks(words):
        has_word = text(
            f"NOT EXISTS (SELECT 1 FROM {conversations.name} c"  # noqa: S608  our own names
            f" WHERE c.search @@ CAST(quote_literal({search_terms.name}.term) AS tsquery))"
        )
        connection.execute(delete(search_terms).where(search_terms.c.term.in_(part), has_word))
    if words:
        search_words.note_erased(connection)
