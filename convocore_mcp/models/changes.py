"""The feed of changes: what changed, and where a reader of the feed stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from convocore_mcp.models.conversation import Conversation
from convocore_mcp.models.facts import ReadValue

MomentKey = tuple[int, str, str, str]
"""When something became overdue (Unix milliseconds), agent, conversation ID and field."""
BEFORE_ALL: MomentKey = (0, "", "", "")


class RaisedScore(NamedTuple):
    """How hot another lead is after a change, and how hot its people were at most before it."""

    lead_id: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one conversation: `kind` is created, updated or removed."""

    kind: str
    sequence_number: int | None
    """`None` where nothing changed but the time: something became overdue (`moment`)."""
    at: datetime
    """When it happened, as far as Convocore reports it; else `seen`."""
    seen: datetime
    """When it was read, which is later than when it happened."""
    conversation: Conversation
    """After the change; of a removal, the last version."""
    before: Conversation | None = None
    """Before the change, of an update."""
    values: Mapping[str, ReadValue] = field(default_factory=dict)
    """The fields after the change, by their names; empty after a removal."""
    values_before: Mapping[str, ReadValue] = field(default_factory=dict)
    hot_score: float | None = None
    """Of the lead after the change: hot means at least the threshold (`leads.hotness`)."""
    hot_score_before: float | None = None
    is_lead: bool = False
    """Whether the conversation belongs to a lead after the change."""
    hot_scores_of_other_leads: tuple[RaisedScore, ...] = ()
    """Of leads that it left, held together or told apart, where the change has raised them."""
    moment: MomentKey | None = None


@dataclass(frozen=True, slots=True)
class MomentWindow:
    """Overdue moments that take several pages: the window stays as it was on the first page."""

    up_to: int
    """The latest moment of the window, in Unix milliseconds."""
    newest_version: int
    """The newest version (a sequence number) whose moments belong to the window."""
    after: MomentKey
    """The last moment that was reported."""


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """How far a reader of the feed has got: what comes before it was reported to the reader.

    A feed has two parts: changes by sequence number, and moments at which something became overdue.
    A moment comes after the position if it is later than `moment`, or if it belongs to a version
    that is newer than `newest_version`.
    """

    sequence_number: int
    """The sequence number up to which changes were reported."""
    moment: int
    """Moments up to this time (Unix milliseconds) were reported."""
    newest_version: int
    """The newest version (a sequence number) that was known when they were reported."""
    window: MomentWindow | None = None

    def key(self) -> tuple[float | str, ...]:
        """What a cursor holds beside `sequence_number`."""
        if self.window is None:
            return (self.moment, self.newest_version)
        return (
            self.moment,
            self.newest_version,
            self.window.up_to,
            self.window.newest_version,
            *self.window.after,
        )

    @classmethod
    def of(cls, number: int, key: Sequence[float | str]) -> "FeedPosition":
        """The position that a cursor holds.

        Raises:
            ValueError: `key` is none of a position.
        """
        moment, known, *rest = key
        position = cls(number, int(moment), int(known))
        if not rest:
            return position
        up_to, seen, at, agent_id, id_, name = rest
        after = (int(at), str(agent_id), str(id_), str(name))
        return replace(position, window=MomentWindow(int(up_to), int(seen), after))


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some changes in order, and the feed position after each of them."""

    start: FeedPosition
    end: FeedPosition
    """The position after all of `changes`."""
    more: bool = False
    """Whether there are changes after `end` already."""
    changes: tuple[Change, ...] = ()
    truncated: bool = False
    """Whether changes after the reader's position are lost, because old versions were deleted."""
    known_since: datetime | None = None
    """From when on changes are known; `None` while there is no baseline."""
    without_baseline: tuple[str, ...] = ()
    """Agents whose first full sync is not complete."""
    held_back: bool = False
    """Whether newer changes wait until their leads have been computed."""

    def position_after(self, count: int) -> FeedPosition:
        """The feed position after the first `count` changes."""
        numbers = [c.sequence_number for c in self.changes if c.sequence_number is not None]
        moments = [c.moment for c in self.changes if c.moment is not None]
        shown = self.changes[:count]
        seen_numbers = [c.sequence_number for c in shown if c.sequence_number is not None]
        seen_moments = [c.moment for c in shown if c.moment is not None]
        whole = len(seen_numbers) == len(numbers)
        number = (
            self.end.sequence_number
            if whole
            else (seen_numbers or [self.start.sequence_number])[-1]
        )
        if len(seen_moments) == len(moments):
            return replace(self.end, sequence_number=number)
        window = self.end.window or MomentWindow(
            self.end.moment, self.end.newest_version, BEFORE_ALL
        )
        started = self.start.window.after if self.start.window else BEFORE_ALL
        after = seen_moments[-1] if seen_moments else started
        return replace(self.start, sequence_number=number, window=replace(window, after=after))
