"""Decides whether and how details are read. Pure: no I/O, no clock.

Source: docs/architecture.md, "Details".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum

from convocore_mcp.models import (
    DetailsState,
    DetailsTrial,
    TrialResult,
    WantedDetails,
)
from convocore_mcp.store.database.rows import to_milliseconds

BATCH_SECONDS, MIN_BATCH, MAX_BATCH = 2.5, 4, 50


class DetailsMode(StrEnum):
    """The setting `CONVOCORE_DETAILS`."""

    AUTO = "auto"
    """Try some single conversations; read all sparse rows where they add anything."""
    OFF = "off"
    ALL = "all"
    """Read all sparse rows, without a trial."""


@dataclass(frozen=True, slots=True)
class DetailsPlan:
    """Whether and how fast details are read."""

    mode: DetailsMode = DetailsMode.OFF
    per_second: float = 2.0
    """Requests."""
    again_after: timedelta = timedelta(hours=6)
    """How old details may get until they are read again: an edit of what the list leaves out shows
    nowhere in the list."""
    retry_after: timedelta = timedelta(minutes=1)
    """The pause after Convocore has failed."""

    @property
    def outdated_after(self) -> timedelta:
        """How old details may get until answers say so (as `decisions.Schedule.overdue_after`)."""
        return 2 * self.again_after

    @property
    def batch_size(self) -> int:
        """Conversations that are read and saved together: those of a few seconds."""
        return max(MIN_BATCH, min(int(self.per_second * BATCH_SECONDS), MAX_BATCH))


class DetailsAction(Enum):
    """What to do next about the details of an agent."""

    NOTHING = "no list was read yet, the list is full, or details are off"
    TRIAL = "find out whether single conversations add anything"
    READ = "read the details of sparse rows"


def next_details_action(
    plan: DetailsPlan, trial: DetailsTrial | None, *, full_sync_at: datetime | None
) -> DetailsAction:
    """Decide what to do, after the full sync of `full_sync_at`."""
    if plan.mode is DetailsMode.OFF or full_sync_at is None:
        return DetailsAction.NOTHING
    if plan.mode is DetailsMode.ALL or (trial and trial.result == TrialResult.ADDS):
        return DetailsAction.READ
    if trial is not None and trial.full_sync_at == to_milliseconds(full_sync_at):
        return DetailsAction.NOTHING
    return DetailsAction.TRIAL


def without_failed(
    wanted: Sequence[WantedDetails], failed: set[str], *, limit: int
) -> list[WantedDetails]:
    """The first `limit` of `wanted` that have not `failed`; if all have, the first of them again.

    A record may let each request time out, so it must not stand before the others for ever.
    """
    others = [each for each in wanted if each.id not in failed]
    if not others:
        failed.clear()
    return (others or list(wanted))[:limit]


def missing_details(plan: DetailsPlan, state: DetailsState) -> DetailsState:
    """The details that an answer lacks: none where the list is known to be full.

    With details off, there may never have been a trial. Then a list counts as sparse if most of its
    rows hold next to nothing (`DetailsState.bare`).
    """
    result = state.trial.result if state.trial is not None else None
    if (
        result in {TrialResult.REFUSED, TrialResult.LIST_IS_FULL}
        and plan.mode is not DetailsMode.ALL
    ):
        refused = state.pending + state.refused if result == TrialResult.REFUSED else 0
        return DetailsState(refused=refused, trial=state.trial)
    if plan.mode is DetailsMode.OFF:
        unread = state.pending if result == TrialResult.ADDS or state.bare else 0
        return DetailsState(refused=state.refused, trial=state.trial, unread=unread)
    return state
