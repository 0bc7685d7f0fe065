"""Writing the mirror. Only `sync` does this; everybody else reads (`store.read`)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from sqlalchemy import Connection, bindparam, update

from convocore_mcp.models import Conversation, Coverage, DerivedKeys, Page
from convocore_mcp.store.database import bulk
from convocore_mcp.store.database.columns import storable
from convocore_mcp.store.database.coverage import (
    first_sync_reached,
    newest_activities,
    note_data_changed,
    note_leads_settled,
    read_coverage,
    save_resume_token,
    update_coverage,
)
from convocore_mcp.store.database.engine import Database
from convocore_mcp.store.database.rows import (
    NEW_COLUMNS,
    digest_of,
    new_version,
    to_milliseconds,
)
from convocore_mcp.store.database.schema import conversations, records
from convocore_mcp.store.database.sequence import set_sequence_number, take_write_lock
from convocore_mcp.store.details import listed_rows
from convocore_mcp.store.fields import field_writer
from convocore_mcp.store.fields.field_writer import DueDatesOf, NewVersion
from convocore_mcp.store.write import quarantined_rows, versions
from convocore_mcp.store.write.copies import compare, newest_copies
from convocore_mcp.store.write.erasing import erase_forgotten
from convocore_mcp.store.write.pruning import prune
from convocore_mcp.store.write.rebuild import MergeAffected, rebuild_leads
from convocore_mcp.store.write.retention import Retention
from convocore_mcp.store.write.search_words import SearchWords
from convocore_mcp.store.write.tombstones import Tombstones

_NUMBER, _SEARCH = NEW_COLUMNS.index("valid_from"), NEW_COLUMNS.index("search")


@dataclass(frozen=True, slots=True)
class Rules:
    """The decisions about leads that the mirror applies but does not make."""

    keys: Callable[[Conversation], DerivedKeys]
    """`leads.keys.derive_keys`."""
    merge_affected: MergeAffected
    """`leads.affected.merge_affected`."""
    due_dates: DueDatesOf
    """`leads.due_dates.due_dates_of_row`."""
    merge_details: listed_rows.MergeDetails = lambda listed, _single: listed
    """`sync.details.merge_records.merge_details`; by default a list row stays as it is."""


@dataclass(frozen=True, slots=True)
class Saved:
    """How many rows of a page were new, changed and unchanged."""

    created: int
    updated: int
    unchanged: int
    known: AbstractSet[str] = field(default=frozenset(), compare=False)
    """IDs of rows that the mirror held before, with the same record."""
    outdated: AbstractSet[str] = field(default=frozenset(), compare=False)
    """IDs of rows that are other copies than the mirror's, which do not count."""


class MirrorWriter:
    """Writes the mirror. Plain blocking calls: run them in a thread."""

    def __init__(
        self,
        database: Database,
        rules: Rules,
        *,
        zone: tzinfo = UTC,
        kept: timedelta | None = None,
    ) -> None:
        """`zone` is where the days of CRM dates begin; `kept` is how long conversations stay."""
        self.database = database
        self._zone = zone
        self.rules = rules
        self._search_words = SearchWords()
        self.tombstones = Tombstones(database)
        self.retention = Retention(database, kept)

    def on(self, database: Database) -> "MirrorWriter":
        """A writer to another database by the same rules and in the same time zone."""
        return MirrorWriter(database, self.rules, zone=self._zone, kept=self.retention.kept)

    def coverage(self, agent_id: str) -> Coverage:
        """How much of an agent's list the mirror holds."""
        with self.database.reading() as connection:
            return self.retention.checked(read_coverage(connection, agent_id))

    def first_sync_reached(self, agent_id: str, now: datetime) -> datetime | None:
        """The time down to which a first full sync has read the list."""
        with self.database.reading() as connection:
            return first_sync_reached(connection, agent_id, now=now)

    def newest(
        self, agent_id: str, *, up_to: datetime | None, limit: int
    ) -> list[tuple[str, datetime]]:
        """The newest conversations that bear a time, up to a time: id and last activity."""
        with self.database.reading() as connection:
            return newest_activities(connection, agent_id, up_to=up_to, limit=limit)

    def save(
        self,
        agent_id: str,
        page: Page,
        *,
        read_at: datetime,
        since: datetime | None = None,
        unfinished: datetime | None = None,
    ) -> Saved:
        """Save one page of a reading of the list that began at `since`, in one transaction.

        `read_at` is when the page was requested. A row that the mirror has in a newer version, or
        as new from a later request, stays (`copies.compare`). `unfinished` is when the full sync
        began that the page belongs to: the page's resume token is stored with its rows.
        """
        rows, copies = newest_copies(page.rows)
        at = to_milliseconds(read_at) or 0
        with self.database.writing() as connection:
            sequence_number = take_write_lock(connection)
            current = versions.current_versions(connection, agent_id, rows)
            sequence_number, forgotten = erase_forgotten(
                connection, self.tombstones, rows, current, self.rules.keys, number=sequence_number
            )
            not_kept = forgotten | self.retention.too_old(rows, read_at)
            listed = {id_: row for id_, row in rows.items() if id_ not in not_kept}
            compared = compare(listed, current, at=at, since=to_milliseconds(since), copies=copies)
            changed = compared.changed
            sparse = listed_rows.sparse_ids(connection, agent_id, changed)
            filled = listed_rows.with_known_details(
                connection, agent_id, changed, sparse, self.rules.merge_details
            )
            digests = listed_rows.list_digests(changed, filled)
            self.begin_versions(
                connection, filled, sequence_number=sequence_number, at=at, digests=digests
            )
            listed_rows.note_listed(connection, agent_id, changed, filled, sparse)
            page = self.retention.without_old_quarantined(page, read_at)
            quarantined_rows.save_quarantined(connection, agent_id, page, at, self.tombstones)
            unreadable = quarantined_rows.versions_of_unreadable(connection, agent_id, page, rows)
            versions.mark_seen(connection, [*compared.unchanged, *unreadable], at)
            versions.mark_outdated(connection, compared.outdated.values(), at)
            versions.note_copies(connection, agent_id, compared.other_copies)
            if unfinished is not None and page.resume_token is not None:
                save_resume_token(connection, agent_id, page.resume_token, started_at=unfinished)
        self._search_words.committed()
        updated = sum(old is not None for _, old in changed)
        # A row that is not kept counts as known: reading need not go on to look for older ones.
        known, outdated = compared.known | not_kept, compared.outdated.keys()
        return Saved(len(changed) - updated, updated, len(rows) - len(changed), known, outdated)

    def begin_versions(
        self,
        connection: Connection,
        changed: Sequence[versions.Changed],
        *,
        sequence_number: int,
        at: int,
        digests: Mapping[str, bytes],
    ) -> None:
        """Begin a version for each changed row, and end the version that it replaces.

        The caller holds the write lock. `digests` are those of the list rows, by id, where they
        were filled in with details: the list is compared with them.
        """
        if not changed:
            return
        # Pages come newest first; the earliest event becomes the first change.
        numbered = list(enumerate(changed[::-1], start=sequence_number + 1))
        ended = [(old, number) for number, (_, old) in numbered if old]
        versions.end_versions(connection, ended, at=at)
        new, field_values = [], []
        for number, (row, old) in numbered:
            keys = self.rules.keys(row)
            digest = digests.get(row.id) or digest_of(row)
            lead_id = old.lead_id if old else None
            new.append(new_version(row, keys, lead_id, number=number, at=at, digest=digest))
            field_values.append(NewVersion(number, row, keys, lead_id))
        bulk.insert_rows(connection, conversations, NEW_COLUMNS, new)
        field_writer.begin_versions(connection, field_values, self.rules.due_dates, self._zone)
        self._search_words.add(connection, ((row[_NUMBER], row[_SEARCH]) for row in new))
        full = ((number, storable(row.record)) for number, (row, _) in numbered)
        bulk.insert_rows(connection, records, ("valid_from", "record"), full)
        dirty = [(row.agent_id, row.id, old and old.lead_id) for _, (row, old) in numbered]
        versions.mark_dirty(connection, dirty)
        set_sequence_number(connection, sequence_number + len(numbered))
        note_data_changed(connection, changed[0][0].agent_id, added=len(numbered) - len(ended))

    def remove(self, agent_id: str, ids: Iterable[str], *, at: datetime) -> int:
        """End the versions of conversations that Convocore no longer has; returns how many."""
        now = to_milliseconds(at) or 0
        with self.database.writing() as connection:
            sequence_number = take_write_lock(connection)
            current = list(versions.current_versions(connection, agent_id, ids).values())
            if current:
                numbered = [(old, sequence_number + i) for i, old in enumerate(current, start=1)]
                versions.end_versions(connection, numbered, at=now)
                set_sequence_number(connection, sequence_number + len(current))
                note_data_changed(connection, agent_id, added=-len(current))
                dirty = [(agent_id, old.id, old.lead_id) for old in current]
                versions.mark_dirty(connection, dirty)
                listed_rows.delete_removed(connection, agent_id, [old.id for old in current])
        return len(current)

    def last_seen_before(
        self, agent_id: str, time: datetime, *, now: datetime | None = None
    ) -> dict[str, int]:
        """Conversations that no sync has seen since `time`, with how many full syncs missed each.

        Conversations of which an older copy was seen are left out (`last_seen_outdated`). A time
        long after `now` does not count as seen: it was noted by a clock that was ahead.
        """
        with self.database.reading() as connection:
            return versions.not_seen(connection, agent_id, time, now, outdated=False)

    def last_seen_outdated(
        self, agent_id: str, time: datetime, *, now: datetime | None = None
    ) -> dict[str, int]:
        """The same for conversations of which only an older copy was seen since `time`."""
        with self.database.reading() as connection:
            return versions.not_seen(connection, agent_id, time, now, outdated=True)

    def seen_after(self, agent_id: str, time: datetime) -> bool:
        """Whether a conversation was last seen soon after `time`.

        If that is yet to come, the clock was set back a little: what is read until then seems older
        than what is in the mirror.
        """
        with self.database.reading() as connection:
            return versions.any_seen_soon_after(connection, agent_id, time)

    def mark_missed(self, agent_id: str, ids: Iterable[str]) -> None:
        """Note that one more complete full sync did not see these conversations."""
        with self.database.writing() as connection:
            take_write_lock(connection)
            current = versions.current_versions(connection, agent_id, ids).values()
            if current:
                c = conversations.c
                statement = update(conversations).where(c.valid_from == bindparam("version"))
                connection.execute(
                    statement.values(missed_syncs=c.missed_syncs + 1),
                    [{"version": old.valid_from} for old in current],
                )

    def update_coverage(self, agent_id: str, **fields: datetime | str | int | None) -> None:
        """Set fields of the agent's coverage: columns of `schema.agents`, like `watermark`."""
        with self.database.writing() as connection:
            take_write_lock(connection)
            update_coverage(connection, agent_id, fields)

    def drop_quarantined(self, agent_id: str, before: datetime, **times: datetime | None) -> None:
        """Delete quarantined rows that a sync did not bring again (`quarantined_rows`)."""
        with self.database.writing() as connection:
            take_write_lock(connection)
            quarantined_rows.drop_quarantined(connection, agent_id, before=before, **times)

    def rebuild_leads(self, agent_id: str) -> int:
        """Bring the leads up to date with the conversations; returns how many were rebuilt.

        Each batch is a transaction of its own.
        """
        rebuilt = 0
        while True:
            with self.database.writing() as connection:
                sequence_number = take_write_lock(connection)
                count = rebuild_leads(connection, agent_id, self.rules.merge_affected)
                if count is None:
                    if rebuilt:
                        note_leads_settled(connection, agent_id, sequence_number)
                    return rebuilt
                note_data_changed(connection, agent_id)
            rebuilt += count

    def prune(self, *, now: datetime) -> int:
        """Delete versions that ended longer than `KEEP_VERSIONS` ago; returns how many."""
        with self.database.writing() as connection:
            take_write_lock(connection)
            return prune(connection, now=now)

    def close(self) -> None:
        """Close the database."""
        self.database.close()
