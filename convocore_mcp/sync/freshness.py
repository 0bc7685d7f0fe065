"""What an answer may say of its freshness, or why there is no answer. Pure: no I/O, no clock."""

from dataclasses import dataclass
from datetime import datetime

from convocore_mcp.errors import (
    ConvocoreError,
    ForbiddenError,
    NotFoundError,
    UnauthorizedError,
    UnavailableError,
)
from convocore_mcp.models import Coverage, Freshness, ReadScope
from convocore_mcp.sync.page_writer import Progress

REFUSALS = (UnauthorizedError, ForbiddenError, NotFoundError)
"""Errors after which the mirror gives no answer either: the key may have been revoked."""


@dataclass(frozen=True, slots=True)
class SyncState:
    """What is known of one agent's mirror and syncs at the moment of an answer."""

    coverage: Coverage
    first_sync: Progress | None = None
    """The progress of the full sync under way, if none was ever completed."""
    still_waiting: bool = False
    """The caller gave up waiting for a sync before it ended."""
    sync_error: ConvocoreError | None = None
    """How the sync failed that the caller waited for."""
    failure: ConvocoreError | None = None
    """The newest failure, if no sync has succeeded since."""
    upstream_error: ConvocoreError | None = None
    """The newest failed request, if no request has succeeded since."""
    upstream_note: str | None = None
    """Why requests are slow, in a sentence, if they are."""


def refusal(state: SyncState) -> ConvocoreError | None:
    """The error to raise instead of an answer; `None` if the mirror may answer."""
    if isinstance(state.failure, REFUSALS):
        return state.failure
    if state.coverage.conversations or state.coverage.full_sync_at is not None:
        return None
    error = state.failure or state.sync_error
    if error is None and state.still_waiting:
        error = state.upstream_error or UnavailableError(
            "Convocore has not answered yet.",
            hint="The sync goes on in the background; ask again in a few seconds.",
            retry_after=5,
        )
    return error


def freshness(state: SyncState, scope: ReadScope, *, now: datetime) -> Freshness:
    """What an answer that depends on `scope` says of its freshness."""
    coverage, first_sync = state.coverage, state.first_sync
    complete = coverage.complete or (first_sync is not None and first_sync.covers(scope))
    started_at = first_sync.started_at if first_sync is not None else None
    oldest = (first_sync.oldest if first_sync is not None else None) or coverage.oldest
    return Freshness(
        as_of=coverage.as_of or started_at or now,
        complete=complete,
        conversations=coverage.conversations,
        oldest=None if complete else oldest,
        notes=tuple(_notes(state)),
    )


def _notes(state: SyncState) -> list[str]:
    coverage, notes = state.coverage, []
    if state.first_sync is not None:
        # Rows of the sync would count a conversation again that is on two pages.
        rows = coverage.conversations or state.first_sync.rows
        notes.append(
            f"A first reading is under way, {rows} conversations so far; ask again for the rest."
        )
    if coverage.gap:
        notes.append(coverage.gap)
    if coverage.quarantined:
        notes.append(
            f"{coverage.quarantined} record(s) could not be read and are left out (quarantined)."
        )
    # While the caller's sync is still running, a failed request is being retried.
    error = state.failure or (state.upstream_error if state.still_waiting else None)
    if error is not None:
        notes.append(f"Convocore can't be read now, this is what was known: {error.message}")
    elif state.still_waiting and coverage.full_sync_at is not None:
        notes.append("News is still being read.")
    if state.upstream_note:
        notes.append(state.upstream_note)
    return notes
