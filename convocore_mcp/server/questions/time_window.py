"""What the arguments `since` and `until` mean."""

from datetime import datetime

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.fields.times import Clock, read_period

Window = tuple[datetime | None, datetime | None]
"""The first and the last second of a period; `None` is no bound."""


def read_window(since: str, until: str, *, clock: Clock) -> Window:
    """The window between both arguments: from the beginning of `since` to the end of `until`.

    Raises:
        InvalidArgumentError: one of them is not a time, or `since` is later than `until`.
    """
    first = read_period("since", since, clock=clock).begin if since.strip() else None
    last = read_period("until", until, clock=clock).last_second if until.strip() else None
    if first and last and first > last:
        raise InvalidArgumentError(
            f"since: {since!r} is later than until: {until!r}.", hint="Swap them."
        )
    return first, last
