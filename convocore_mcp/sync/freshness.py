"""What an answer may say of its freshness, or why there is no answer. Pure: no I/O, no clock."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from convocore_mcp.errors import (
    ApiError,
    ConvocoreError,
    ForbiddenError,
    MirrorError,
    NotFoundError,
    UnauthorizedError,
    UnavailableError,
)
from convocore_mcp.models import Coverage, DetailsState, Freshness, ReadScope
from convocore_mcp.sync.page_writer import Progress
from convocore_mcp.words.counted import counted

REFUSALS = (UnauthorizedError, ForbiddenError, NotFoundError)
"""Errors after which the mirror gives no answer either: the key may have been revoked."""

CLOCK_WAS_AHEAD = (
    "It is not known when Convocore was last read: this computer's clock was ahead then. New "
    "conversations may be missing."
)
FULL_SYNC_OVERDUE = (
    "The whole list was last read long ago: edits in the CRM and deletions since then may be "
    "missing until it has been read again."
)


class UpstreamHealth(Protocol):
    """Whether requests to Convocore succeed, and how fast (`api.throttle.Throttle`)."""

    @property
    def note(self) -> str | None:
        """Why requests are slow, in a sentence, if they are."""
        ...

    @property
    def last_error(self) -> ApiError | None:
        """The newest failed request, if no request has succeeded since."""
        ...


@dataclass(frozen=True, slots=True)
class SyncState:
    """What is known of one agent's mirror and syncs at the moment of an answer."""

    coverage: Coverage
    first_sync: Progress | None = None
    """The progress of the full sync under way, if none was ever completed."""
    full_sync: Progress | None = None
    """The progress of any full sync under way."""
    overdue: bool = False
    """The last complete full sync was long ago (`decisions.full_sync_overdue`)."""
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
    details: DetailsState = field(default_factory=DetailsState)
    """The details that the answer lacks."""
    kept_since: datetime | None = None
    """The last activity from which on conversations are kept; `None` if all are."""


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
    return error or MirrorError(
        "The mirror is still empty.",
        hint="Ask again in a few seconds: it is being filled from Convocore.",
        retry_after=5,
    )


def freshness(state: SyncState, scope: ReadScope, *, now: datetime) -> Freshness:
    """What an answer that depends on `scope` says of its freshness."""
    coverage, first_sync = state.coverage, state.first_sync
    list_read = (coverage.complete and not state.overdue) or (
        first_sync is not None and first_sync.covers(scope)
    )
    lacks = coverage.quarantined or coverage.dropped_fields or _lacks(state.details)
    complete = list_read and not (lacks or _may_be_stale(state))
    started_at = first_sync.started_at if first_sync is not None else None
    # Before the first full sync is complete, only that sync has read anything.
    if coverage.full_sync_at is not None:
        started_at = coverage.watermark or coverage.oldest
    oldest = (first_sync.oldest if first_sync is not None else None) or coverage.oldest
    return Freshness(
        as_of=coverage.as_of or started_at or now,
        complete=complete,
        conversations=coverage.conversations,
        oldest=None if list_read else oldest,
        progress=None if list_read else _progress(state),
        notes=(
            *_notes(state),
            *_details_notes(state.details, of=coverage.conversations),
            *_retention_notes(state.kept_since, scope),
        ),
        first_sync_error=state.failure if coverage.full_sync_at is None else None,
    )


def with_details(freshness: Freshness, details: DetailsState) -> Freshness:
    """The freshness of an answer about one conversation, whose details are in this state."""
    return replace(
        freshness,
        complete=freshness.complete and not _lacks(details),
        notes=(*freshness.notes, *_details_notes(details, of=1)),
    )


def _lacks(details: DetailsState) -> bool:
    return bool(details.pending or details.outdated or details.unread)


def _details_notes(details: DetailsState, *, of: int) -> list[str]:
    notes = []
    if details.pending:
        notes.append(
            "The list says too little of some conversations: "
            f"details of {details.pending} of {max(of, details.pending)} conversations are not "
            "read yet; ask again later."
        )
    if details.outdated:
        notes.append(
            f"The details of {counted(details.outdated, 'conversation')} were last read long ago: "
            "edits in the CRM since then may be missing until they have been read again."
        )
    if details.unread:
        notes.append(
            f"The list says too little of {counted(details.unread, 'conversation')}, and their "
            "details are not read, as CONVOCORE_DETAILS says: what the list leaves out is unknown."
        )
    if details.refused:
        notes.append(
            f"Convocore does not give the details of {counted(details.refused, 'conversation')}: "
            "what the list leaves out of them is unknown, or as it was read before."
        )
    return notes


def _retention_notes(kept_since: datetime | None, scope: ReadScope) -> list[str]:
    """The notes about retention: `complete` does not cover conversations that are not kept."""
    if kept_since is None:
        return []
    since = scope.since
    if since is not None and since >= kept_since and not scope.people:
        return []  # the answer depends on nothing older
    note = f"Conversations last active before {kept_since:%Y-%m-%d %H:%M} UTC are not kept here"
    earlier = since is not None and since < kept_since
    return [f"{note}; the time asked for begins earlier." if earlier else f"{note}."]


def _may_be_stale(state: SyncState) -> bool:
    """Whether Convocore may have changes that were asked for and are not in the mirror."""
    age_unknown = state.coverage.full_sync_at is not None and state.coverage.as_of is None
    waiting = state.still_waiting and state.coverage.full_sync_at is not None
    return state.failure is not None or waiting or age_unknown


def _progress(state: SyncState) -> float | None:
    """How much a full sync has read; unknown if no full sync has counted the list before."""
    expected = state.coverage.conversations
    if state.full_sync is None or state.coverage.full_sync_at is None or not expected:
        return None
    return round(min(state.full_sync.rows / expected, 0.99), 2)


def _notes(state: SyncState) -> list[str]:
    coverage, notes = state.coverage, []
    if state.first_sync is not None:
        # Rows of the sync would count a conversation again that is on two pages.
        rows = coverage.conversations or state.first_sync.rows
        notes.append(
            f"A first full sync is under way, {counted(rows, 'conversation')} so far; "
            "ask again for the rest."
        )
    elif coverage.full_sync_at is None and coverage.conversations:
        notes.append(
            "The first full sync has stopped after "
            f"{counted(coverage.conversations, 'conversation')}; the rest is not known."
        )
    overdue = FULL_SYNC_OVERDUE if state.overdue else None
    notes += filter(None, (overdue, coverage.gap, coverage.doubt))
    if coverage.quarantined:
        notes.append(
            f"{counted(coverage.quarantined, 'record')} could not be read; left out (quarantined)."
        )
    if coverage.dropped_fields:
        notes.append(
            f"{counted(coverage.dropped_fields, 'field')} of "
            f"{counted(coverage.with_dropped_fields, 'conversation')} could not be read; left out."
        )
    if coverage.full_sync_at is not None and coverage.as_of is None:
        notes.append(CLOCK_WAS_AHEAD)
    # While the caller's sync is still running, a failed request is being retried.
    error = state.failure or (state.upstream_error if state.still_waiting else None)
    if isinstance(error, MirrorError):
        notes.append(f"The mirror can't be updated now and may be outdated: {error.message}")
    elif error is not None:
        notes.append(f"Convocore can't be read now, so the mirror may be outdated: {error.message}")
    elif state.still_waiting and coverage.full_sync_at is not None:
        notes.append("New conversations are still being read.")
    if state.upstream_note:
        notes.append(state.upstream_note)
    return notes
