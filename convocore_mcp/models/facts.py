"""Facts: the values of a row that fields are computed from and `Conversation` does not hold.

`api` collects the facts when it parses a row. They are not stored: the mirror stores the values of
fields that follow from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

ReadValue = str | int | float | bool | datetime | date | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class PlannedActivity:
    """As much of an activity as decides about due dates."""

    due_date: str | datetime | None = None
    completed: bool | None = None


@dataclass(frozen=True, slots=True)
class ModelShare:
    """The tokens and the cost of one AI model in a conversation."""

    model: str
    tokens: float | None = None
    usd: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The values of a record that fields need and `Conversation` does not hold."""

    values: tuple[ReadValue, ...] = ()
    """The value of each field that has a `reader`, in the order of `fields.table.FIELDS`.

    Empty if no record was read.
    """
    activities: tuple[PlannedActivity, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)
    """Captured variables, else extracted data, by name."""
    shares: tuple[ModelShare, ...] = ()
    unread_fields: tuple[str, ...] = ()
    """The date fields whose text is no date that can be read; they count as without one. And `data`
    where a captured value is too long to be compared to its end."""
    funnel_summary: str | None = None
    """Is no field, but `query` searches it."""


NO_FACTS = Facts()
"""The facts of a conversation that was not parsed just now."""
