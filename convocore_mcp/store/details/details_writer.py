"""Writing details. Only `sync` does this."""

from collections.abc import Sequence
from datetime import datetime

from convocore_mcp.models import ReadDetails, TrialResult
from convocore_mcp.store.database.coverage import note_data_changed
from convocore_mcp.store.database.rows import to_milliseconds
from convocore_mcp.store.database.sequence import take_write_lock
from convocore_mcp.store.details import save_details, trial_rows
from convocore_mcp.store.write import versions
from convocore_mcp.store.write.erasing import erase_forgotten
from convocore_mcp.store.write.mirror_writer import MirrorWriter


class DetailsWriter:
    """Writes what single conversations hold. Plain blocking calls: run them in a thread."""

    def __init__(self, mirror: MirrorWriter) -> None:
        self._mirror = mirror

    def save(
        self,
        agent_id: str,
        answers: Sequence[ReadDetails],
        *,
        at: datetime,
        at_of_older: datetime | None = None,
    ) -> int:
        """Save what was read at `at`, in one transaction.

        Answers that are older than their rows count as read `at_of_older`, the first time.
        Returns how many of `answers` hold anything that their rows lack. What the first details of
        a conversation add is no change of Convocore's; what differs in later ones is. An answer for
        a version that the list has replaced meanwhile is dropped.
        """
        now, mirror = to_milliseconds(at) or 0, self._mirror
        with mirror.database.writing() as connection:
            sequence_number = take_write_lock(connection)
            ids = [answer.wanted.id for answer in answers]
            current = versions.current_versions(connection, agent_id, ids)
            found = save_details.compare_details(
                connection, agent_id, answers, current, mirror.rules.merge_details
            )
            merged = {row.id: row for row, _ in found.changed}
            sequence_number, forgotten = erase_forgotten(
                connection, mirror.tombstones, merged, current, mirror.rules.keys,
                number=sequence_number,
            )  # fmt: skip
            found = found.without(forgotten)
            digests = {old.id: old.digest for _, old in found.changed if old is not None}
            mirror.begin_versions(
                connection, found.changed, sequence_number=sequence_number, at=now, digests=digests
            )
            first = save_details.without_details(connection, agent_id, found.changed)
            of_older = to_milliseconds(at_of_older or at) or 0
            save_details.save_answers(connection, agent_id, found, at=now, at_of_older=of_older)
            trial_rows.note_added(connection, agent_id, found.fields)
            if found.added:
                trial_rows.note_that_they_add(connection, agent_id)
            save_details.mark_enriched(connection, agent_id, found.changed, first=first)
            if found.answered and not found.changed:
                note_data_changed(connection, agent_id)  # answers say how many details they lack
        return found.added

    def want_again(self, agent_id: str, time: datetime, *, now: datetime) -> int:
        """Have details read again that were read before `time`, some at once; returns how many.

        An edit of what the list leaves out shows nowhere in the list. These details count as read
        while they wait.
        """
        with self._mirror.database.writing() as connection:
            take_write_lock(connection)
            return save_details.want_again(connection, agent_id, time, now=now)

    def prepare_trial(
        self, agent_id: str, *, findable: bool = False, if_open: bool = False
    ) -> None:
        """Have a trial ask for rows that are not sparse, if the list may leave out a field.

        `findable` means only those that Convocore may find alone, `if_open` only where no trial has
        shown anything that still counts, and none has anything to ask for.
        """
        with self._mirror.database.reading() as connection:
            if if_open and not trial_rows.is_open(connection, agent_id):
                return
            if not trial_rows.lacks_a_field(connection, agent_id):
                return
        with self._mirror.database.writing() as connection:
            take_write_lock(connection)
            trial_rows.want_for_trial(connection, agent_id, findable=findable)

    def note_trial(self, agent_id: str, *, full_sync_at: datetime, result: TrialResult) -> None:
        """Remember what a trial of single conversations has shown."""
        with self._mirror.database.writing() as connection:
            take_write_lock(connection)
            time = to_milliseconds(full_sync_at) or 0
            trial_rows.note_result(connection, agent_id, result, full_sync_at=time)
