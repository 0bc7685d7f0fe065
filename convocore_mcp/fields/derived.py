"""Values that follow from several parts of a record.

If the first of two times is later than the second, there is no value.

Source: docs/contract.md, "Fields".
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class Handoff(Protocol):
    """One request for a human."""

    @property
    def requested_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def accepted_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def completed_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def accepted_by(self) -> str | None: ...  # noqa: D102
    @property
    def requested_team_key(self) -> str | None: ...  # noqa: D102


def seconds_between(first: datetime | None, last: datetime | None) -> int | None:
    """Whole seconds from `first` to `last`; `None` where one is missing or they run backwards."""
    if first is None or last is None or last < first:
        return None
    return int((last - first).total_seconds())


def newest_handoff(history: Sequence[Handoff] | None) -> Handoff | None:
    """The handoff that was asked for last: Convocore appends to the history."""
    return history[-1] if history else None
