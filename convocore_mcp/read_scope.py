"""What an answer depends on, and so what must have been read for it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ReadScope:
    """What an answer depends on; with nothing set, on every conversation."""

    since: datetime | None = None
    """All that was active from then on."""
    rows: int | None = None
    """The newest so many; their number alone needs the rest too."""
    people: bool = False
    """Who somebody is: that may stand in a conversation from before `since`."""


EVERYTHING = ReadScope()
