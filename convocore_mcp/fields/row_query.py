"""A question about rows: which rows, in which order, in which groups; and the rows it gets.

The server builds the question from arguments, the mirror answers it. Nothing here does I/O.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from convocore_mcp.fields.conditions import Condition
from convocore_mcp.fields.table import FieldValue, Rows
from convocore_mcp.fields.times import Clock

SortKey = tuple[float | str, ...]
"""Where a row stands in an order: the next page begins after it."""
MAX_GROUPS = 100
"""Groups of one answer; the rest is added up in one group."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one argument, or one condition of `where`, requires: any of `conditions` holds."""

    argument: str
    """The name of the argument, for `relax`."""
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Which rows are asked for: those that meet every requirement and have every search term."""

    rows: Rows
    """`CONVERSATIONS` or `LEADS`."""
    agents: tuple[str, ...]
    clock: Clock
    """Decides about what is overdue and what comes next (fields with `Storage.NONE`)."""
    requirements: tuple[Requirement, ...] = ()
    search: str = ""
    """The text of `query`: every word must occur in the row."""
    hot_from: float = 75
    """The threshold: the score from which a lead without a label is hot."""


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row with the values of the fields that were asked for; what is unknown is left out.

    `value` is a number; a value that can't be read as one is under `value_text`.
    """

    values: Mapping[str, FieldValue]
    key: SortKey


@dataclass(frozen=True, slots=True)
class KnownValues:
    """Values of a field that occur."""

    values: tuple[str, ...]
    total: int
    """How many there are."""
    more: bool = False
    """There are more than `total`, and `values` are those that are spelled most alike."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number field over the rows of a group that have it."""

    n: int
    sum: float
    avg: float
    median: float
    max: float


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows with the same values in the fields of the grouping, counted and added up."""

    keys: tuple[str | bool | None, ...]
    rows: int = 0
    """Conversations, or leads."""
    waiting_for_human: int = 0
    messages: int = 0
    tokens: int = 0
    ai_usd: float = 0.0
    call_usd: float = 0.0
    rated: int = 0
    rating_avg: float | None = None
    leads: int = 0
    """Leads with at least one of the rows; `hot`, `value` and `unparsed_values` are over these."""
    hot: int = 0
    overdue: int = 0
    """Of leads only."""
    value: Mapping[str | None, float] = field(default_factory=dict)
    """Sums of amounts by currency."""
    unparsed_values: int = 0
    measures: Mapping[str, Measure | Mapping[str | None, Measure]] = field(default_factory=dict)
    """By the name of the field; money by currency."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of an answer: the largest, or of times the newest."""

    totals: RowGroup
    groups: tuple[RowGroup, ...] = ()
    """At most `MAX_GROUPS`; the largest first, times from the oldest to the newest."""
    total: int = 0
    """How many groups there are."""
    other: RowGroup | None = None
    """All groups that are not in `groups`, together."""
    overlapping: bool = False
    """A row may be in several groups (by tag): the groups add up to more than the totals."""
