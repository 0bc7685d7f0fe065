"""What moves into the mirror, what changed in it, and how complete it is."""

from dataclasses import dataclass
from datetime import datetime

from convocore_mcp.models.conversation import Conversation


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that could not be read, kept without secrets and with the reason."""

    raw: str
    reason: str
    id: str | None = None
    """The conversation's ID, where at least that can be read."""
    last_activity: datetime | None = None
    """Its last activity, where that can be read."""


@dataclass(frozen=True, slots=True)
class Page:
    """The rows that one request returned, newest first, and those that could not be read."""

    rows: tuple[Conversation, ...]
    quarantined: tuple[Quarantined, ...] = ()
    certain: bool = True
    """False when rows may be missing between the previous page and this one."""
    read_at: datetime | None = None
    resume_token: str | None = None
    """Where a full sync can go on after this page, even in another process. Only `api` reads it."""


@dataclass(frozen=True, slots=True)
class UnfinishedSync:
    """A full sync that was started and has not finished."""

    started_at: datetime
    resume_token: str
    """How far the full sync got: `Page.resume_token` of the last page that was saved."""
    watermark: datetime | None
    """The newest activity in the list when the full sync started."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of an agent's list the mirror holds, and since when."""

    as_of: datetime | None = None
    """When the front of the list was last read."""
    full_sync_at: datetime | None = None
    """When the last complete full sync started; `None` until the first one is complete."""
    oldest: datetime | None = None
    """The oldest activity in the mirror."""
    watermark: datetime | None = None
    """The newest activity seen at `as_of`: an incremental sync reads from the front down to it."""
    conversations: int = 0
    quarantined: int = 0
    dropped_fields: int = 0
    """Fields whose value could not be read, of `with_dropped_fields` conversations."""
    with_dropped_fields: int = 0
    sequence_number: int = 0
    """The sequence number of the newest change."""
    unfinished: UnfinishedSync | None = None
    """The full sync that was interrupted and can be resumed."""
    gap: str | None = None
    """Why the last full sync may have missed conversations, in a sentence."""
    doubt: str | None = None
    """Why the mirror may hold conversations that Convocore no longer has, in a sentence."""
    lost_at: datetime | None = None
    """When Convocore last said that there is no such agent; `None` once its list was read again."""
    short_syncs: int = 0
    """How many full syncs in a row found far fewer conversations than the mirror holds.

    `sync.short_lists` says what far fewer means.
    """
    kept_seconds: float | None = None
    """How long conversations are kept by the setting that was applied last; `None` for ever."""

    @property
    def complete(self) -> bool:
        """Whether every conversation has been read at least once, and none seems to be gone."""
        return self.full_sync_at is not None and self.gap is None and self.doubt is None

    @property
    def all_read(self) -> bool:
        """Whether the mirror is complete and everything that was read could be understood."""
        return self.complete and not (self.quarantined or self.dropped_fields)

    @property
    def agent_was_gone(self) -> bool:
        """Whether Convocore answered 404 for the agent since the last full sync.

        The conversations that the full sync found may then be gone too.
        """
        if self.lost_at is None:
            return False
        return self.full_sync_at is None or self.full_sync_at <= self.lost_at


@dataclass(frozen=True, slots=True)
class Freshness:
    """How recent and how complete the data behind an answer is."""

    as_of: datetime
    complete: bool
    conversations: int
    oldest: datetime | None = None
    progress: float | None = None
    """0 to 1: how much of a running full sync is done, as far as that is known."""
    notes: tuple[str, ...] = ()
    first_sync_error: Exception | None = None
    """Why the newest sync failed; set only before the first full sync is complete."""
