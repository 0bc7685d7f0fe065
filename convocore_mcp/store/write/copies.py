"""Which copy of a conversation counts. The caller holds the write lock; nothing is written here.

A list may show a conversation twice, and an upstream cache may show an older copy beside, or
instead of, the newer one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from convocore_mcp.models import Conversation, is_older
from convocore_mcp.store.database.rows import DIGEST_SIZE, digest_of, to_milliseconds
from convocore_mcp.store.write.versions import (
    MAX_OVERLAP_MS,
    Changed,
    CurrentVersion,
    why_unstorable,
)

MAX_COPIES = 4
"""Other copies of one conversation that are remembered."""


@dataclass(slots=True)
class Comparison:
    """What the rows of a page are, compared with the mirror's current versions."""

    changed: list[Changed] = field(default_factory=list)
    unchanged: list[int] = field(default_factory=list)
    """The versions that stay current, by `valid_from`."""
    known: set[str] = field(default_factory=set)
    """The IDs of the rows whose digest is that of the version in the mirror."""
    outdated: dict[str, int] = field(default_factory=dict)
    """The versions of which the page shows only a copy that does not count: `valid_from` by id."""
    other_copies: dict[str, bytes] = field(default_factory=dict)
    """The digests of the equally old copies that the list shows beside a conversation, by id."""


SameAgeCopies = Sequence[Conversation]
"""Equally old copies of one conversation."""
Copies = Mapping[str, SameAgeCopies]
"""Further copies of rows of a page, none of them older than the row, by id."""
NO_COPIES: Copies = MappingProxyType({})


def compare(
    rows: Mapping[str, Conversation],
    current: Mapping[str, CurrentVersion],
    *,
    at: int,
    since: int | None = None,
    copies: Copies = NO_COPIES,
) -> Comparison:
    """Compare rows that were read at `at` (milliseconds) with the current versions, both by id.

    The newer copy wins, not the one that was read later: an upstream cache may show an older copy
    beside, or instead of, the newer one. Of equally old copies the one that was read later wins,
    unless the list shows both: then the stored one stays, and the digest of the other one is
    remembered. That is so if one page has both, or one reading of the list, which began at `since`.
    Activity after the version was last seen is new, whatever time in the future the version bears.
    A copy that does not count is accepted once a whole full sync has shown nothing else: then the
    stored one was a mistake that Convocore has corrected, like a time in the future.
    """
    found = Comparison()
    for id_, first in rows.items():
        old, shown = current.get(id_), (first, *copies.get(id_, ()))
        row = first if old is None else _copy_to_compare(shown, old)
        if old is None:
            found.changed.append((row, None))
            if len(shown) == 1:
                continue
        digest = digest_of(row)
        if old is None:
            pass
        elif old.digest == digest:
            found.unchanged.append(old.valid_from)
            found.known.add(id_)
            if len(shown) == 1:
                continue
        elif _does_not_count(row, old, at):
            found.outdated[id_] = old.valid_from
            continue
        elif _seen_by(old, at) or is_older(old.copy_times, row.copy_times):
            found.changed.append((row, old))
        else:
            found.unchanged.append(old.valid_from)
            continue
        if others := _other_copies(digest, row, old, shown, since=since):
            found.other_copies[id_] = others
    return found


def _does_not_count(row: Conversation, old: CurrentVersion, at: int) -> bool:
    """Whether the row is an older or another copy, which does not replace the stored one."""
    is_old = is_older(row.copy_times, old.copy_times) and not (
        _from_the_future(old, at) or _active_since_seen(row, old)
    )
    confirmed = old.missed_syncs > 0 and old.outdated_at is not None and _seen_by(old, at)
    return (is_old or _is_other_copy(row, old)) and not confirmed


def _copy_to_compare(shown: SameAgeCopies, old: CurrentVersion) -> Conversation:
    """Of the equally old copies on a page: the stored one, else one that was not there before."""
    if len(shown) == 1:
        return shown[0]
    stored = (copy for copy in shown if digest_of(copy) == old.digest)
    unknown = (copy for copy in shown if not _is_other_copy(copy, old))
    return next(stored, None) or next(unknown, None) or shown[0]


def _is_other_copy(row: Conversation, old: CurrentVersion) -> bool:
    """Whether the row is an equally old copy that the list showed beside the stored one."""
    return bool(
        old.other_copies
        and not is_older(old.copy_times, row.copy_times)
        and digest_of(row) in _digests(old.other_copies)
    )


def _other_copies(
    digest: bytes,
    row: Conversation,
    old: CurrentVersion | None,
    shown: SameAgeCopies,
    *,
    since: int | None,
) -> bytes:
    """The digests of the equally old copies that the list has shown beside `row`, joined.

    Empty if there are none, or none but those that are stored.
    """
    others: list[bytes] = []
    if old is not None and not is_older(old.copy_times, row.copy_times):
        others += _digests(old.other_copies or b"")
        if since is not None and old.seen_at >= since:
            others.append(old.digest)
    others += (digest_of(copy) for copy in shown if copy is not row)
    others = [other for other in dict.fromkeys(others) if other != digest]
    joined = b"".join(others[-MAX_COPIES:])
    is_stored = old is not None and old.digest == digest and old.other_copies == joined
    return b"" if is_stored else joined


def _digests(joined: bytes) -> list[bytes]:
    return [joined[i : i + DIGEST_SIZE] for i in range(0, len(joined), DIGEST_SIZE)]


def _from_the_future(old: CurrentVersion, at: int) -> bool:
    """Whether the last activity of the version lies after `at`: such a time is a mistake, so the
    version counts as newer than no other copy."""
    return old.last_activity is not None and old.last_activity > at + MAX_OVERLAP_MS


def _seen_by(old: CurrentVersion, at: int) -> bool:
    """Whether the version was last seen by `at`, or much later: by a clock that was ahead."""
    return old.seen_at <= at or old.seen_at > at + MAX_OVERLAP_MS


def _active_since_seen(row: Conversation, old: CurrentVersion) -> bool:
    """Whether the row's activity is later than the version was seen: no old copy can know of it."""
    active = to_milliseconds(row.last_activity)
    return active is not None and active > old.seen_at


def newest_copies(rows: Sequence[Conversation]) -> tuple[dict[str, Conversation], Copies]:
    """The rows that can be stored, by id; of two copies of a conversation the newer one.

    Second, the other copies, by id, that are no older than that one and differ from it.
    """
    fitting = [row for row in rows if not why_unstorable(row)]
    by_id = {row.id: row for row in fitting}
    copies: dict[str, list[Conversation]] = {}
    if len(by_id) < len(fitting):
        for row in fitting:
            if is_older(by_id[row.id].copy_times, row.copy_times):
                by_id[row.id] = row
        for row in fitting:
            newest = by_id[row.id]
            is_other = row is not newest and not is_older(row.copy_times, newest.copy_times)
            if is_other and digest_of(row) != digest_of(newest):
                copies.setdefault(row.id, []).append(row)
    return by_id, copies
