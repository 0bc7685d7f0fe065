"""What is asked of the mirror, and what it answers in numbers."""

from dataclasses import dataclass
from datetime import datetime

from convocore_mcp.models.search_terms import Terms

MIN_NUMBER_PART = 5
"""Digits that a part of a longer number needs, so that the number is found by it."""


@dataclass(frozen=True, slots=True)
class ReadScope:
    """Which conversations an answer depends on; with nothing set, all of them."""

    since: datetime | None = None
    """Only those active since then."""
    rows: int | None = None
    """Only the newest N. An exact total needs a full sync."""
    people: bool = False
    """The answer merges leads: a lead may also have conversations from before `since`."""
    details: bool = True
    """The answer depends on fields that sparse rows of the list lack (docs/upstream.md, "Rows")."""
    conversation: str | None = None
    """Only the details of this conversation."""


EVERYTHING = ReadScope()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which conversations are asked for; a conversation must meet every field that is set."""

    terms: Terms | None = None
    """Of each group, one term must be found (`words.queries.search_terms`)."""
    stages: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    min_score: float | None = None
    attention: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    """Both bound the last activity, inclusively."""


@dataclass(frozen=True, slots=True)
class HotQuery:
    """Which hot leads are asked for: hot at `threshold`, and active from `since` to `until`."""

    agent_id: str
    threshold: float
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class HotSummary:
    """The hot leads of a time window, as counts and sums."""

    considered: int
    """All leads that were active in the window."""
    hot: int
    by_stage: dict[str | None, int]
    by_channel: dict[str | None, int]
    value: dict[str | None, float]
    """Sums of amounts by currency."""
    unparsed_values: int
    waiting_for_human: int
    unassigned: int
    tests: int
    blocked: int
    closed: int
