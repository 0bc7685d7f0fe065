"""What `Conversation` has no attribute for, and the fields of questions are read from.

`api` fills it in when it parses a row. It is not stored: the mirror keeps what follows from it.
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
    """What one AI model had of a conversation."""

    model: str
    tokens: float | None = None
    usd: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that fields need of a record and `Conversation` does not hold."""

    values: tuple[ReadValue, ...] = ()
    """Of each field that has a `read`, in the order of the table; empty if nothing was read."""
    activities: tuple[PlannedActivity, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)
    """Captured variables, else extracted data, by name."""
    shares: tuple[ModelShare, ...] = ()


NO_FACTS = Facts()
"""The facts of a conversation that was not parsed just now."""
