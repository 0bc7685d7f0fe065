"""Decides what a trial shows: whether single conversations add anything. Pure: no I/O, no clock.

Source: docs/architecture.md, "Details".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from convocore_mcp.models import DetailsOutcome, DetailsTrial, ReadDetails, TrialResult
from convocore_mcp.store.details.trial_rows import SHORT_TRIAL, TRIAL_SIZE


@dataclass(slots=True)
class Trial:
    """A trial under way: what was asked for so far."""

    asked: int = 0
    read: int = 0
    """How many of them Convocore gave."""
    missing: int = 0
    """How many of them Convocore did not find."""
    refusals: int = 0
    """Times in a row that Convocore refused one (401 or 403)."""

    @property
    def is_short(self) -> bool:
        """Whether so little was asked for that there is no need to pause in between."""
        return self.asked < SHORT_TRIAL

    def result_with(
        self,
        answers: Sequence[ReadDetails],
        *,
        added: int,
        exhausted: bool,
        before: DetailsTrial | None = None,
    ) -> TrialResult | None:
        """What the trial shows with these `answers`, `added` of which hold more; `None`: go on.

        `exhausted`: there is nothing more to ask for. Conversations that are broken or not found do
        not show that a list is full; where all are, Convocore gives none. If nothing was asked for,
        what the trial `before` has shown still holds.
        """
        self.refusals = 0
        self.asked += len(answers)
        self.read += sum(answer.outcome is DetailsOutcome.READ for answer in answers)
        self.missing += sum(answer.outcome is DetailsOutcome.MISSING for answer in answers)
        if added:
            return TrialResult.ADDS
        if self.missing == self.asked and not self.is_short:
            return TrialResult.REFUSED
        if exhausted and not self.read and (self.asked or _was_refused(before)):
            return TrialResult.REFUSED
        if exhausted or self.read >= TRIAL_SIZE:
            return TrialResult.LIST_IS_FULL
        return None

    def result_of_refusal(self) -> TrialResult | None:
        """What one more refusal shows. One alone may be about its conversation, or will pass."""
        self.refusals += 1
        return TrialResult.REFUSED if self.refusals > 1 else None


def _was_refused(trial: DetailsTrial | None) -> bool:
    return trial is not None and trial.result == TrialResult.REFUSED
