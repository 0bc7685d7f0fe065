"""Which of two records of one conversation is newer."""

from collections.abc import Mapping

_COPY_TIMES = ("ts", "last_modified")


def is_newer(record: Mapping[str, object], than: Mapping[str, object]) -> bool:
    """Whether `record` shows a newer state, by `ts` and then by `lastModified`."""
    for name in _COPY_TIMES:
        time, other = record.get(name), than.get(name)
        # Both are RFC 3339 in UTC to the second, which sorts as text.
        if isinstance(time, str) and isinstance(other, str) and time != other:
            return time > other
    return False
