"""What `since` and `until` mean, and cursors: the parts of a question that are read by hand."""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2s
from typing import Any

from convocore_mcp.errors import InvalidArgumentError

_RELATIVE = re.compile(r"(\d{1,4})\s*([hdwm])", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")
_FORMS = "Use an ISO date or time (2026-07-19, 2026-07-19T22:00:00Z), or 24h, 7d, 2w, 3m (months)."
CURSOR_LIFE = timedelta(hours=23)
"""Less than the day for which the mirror keeps old versions."""


def bound(name: str, text: str, *, now: datetime) -> datetime | None:
    """The time that `text` means, or `None` if it is empty. A bare day in `until` is all of it.

    Raises:
        InvalidArgumentError: it is none of the forms.
    """
    text = text.strip()
    if not text:
        return None
    now = now.replace(microsecond=0)  # as it is echoed, and as cursors carry it
    if relative := _RELATIVE.fullmatch(text):
        count, unit = int(relative[1]), relative[2].lower()
        if unit == "m":
            return _months_before(now, count)
        hours = {"h": 1, "d": 24, "w": 168}[unit]
        return now - timedelta(hours=count * hours)
    try:
        if _DAY.fullmatch(text):
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1, seconds=-1) if name == "until" else day
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgumentError(f"{name}: {text[:60]!r} is no time.", hint=_FORMS) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise InvalidArgumentError(f"{name}: {text[:60]!r} is no time.", hint=_FORMS) from None


def window(since: str, until: str, *, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Both bounds.

    Raises:
        InvalidArgumentError: one of them is no time, or they are the wrong way round.
    """
    found = bound("since", since, now=now), bound("until", until, now=now)
    if found[0] and found[1] and found[0] > found[1]:
        raise InvalidArgumentError(
            f"since: {since!r} is later than until: {until!r}.", hint="Swap them."
        )
    return found


def _months_before(now: datetime, months: int) -> datetime:
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    if year < 1:
        return datetime(1, 1, 1, tzinfo=UTC)
    last = (datetime(year + month // 11, (month + 1) % 12 + 1, 1, tzinfo=UTC) - timedelta(1)).day
    return now.replace(year=year, month=month + 1, day=min(now.day, last))


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a list goes on: behind which row, at which state of the mirror, of which question."""

    question: str
    """A digest of everything that decides which rows there are, and in which order."""
    generation: str
    sequence_number: int
    issued: int
    """Unix seconds."""
    window: tuple[int | None, int | None]
    """The resolved bounds, in Unix seconds: `7d` must not mean another time on each page."""
    after: tuple[float | str, ...]

    def encode(self) -> str:
        """As text that a client can hand back."""
        packed = json.dumps(
            [
                self.question,
                self.generation,
                self.sequence_number,
                self.issued,
                self.window,
                self.after,
            ],
            separators=(",", ":"),
        ).encode()
        return _spelt(_sum(packed) + packed)

    @classmethod
    def decode(cls, text: str, *, question: str, generation: str, now: datetime | None) -> "Cursor":
        """Read a cursor handed back with a question; without `now` at any age.

        Raises:
            InvalidArgumentError: it is damaged, too old, or another question's.
        """
        again = "Leave cursor out to start again."
        try:
            packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            # The decoder skips what is not in its alphabet; a cursor has one spelling.
            if _sum(packed[4:]) != packed[:4] or _spelt(packed) != text:
                raise ValueError("damaged")
            asked, made, sequence_number, issued, bounds, after = json.loads(packed[4:])
        except (ValueError, binascii.Error, UnicodeError):
            raise InvalidArgumentError(
                "cursor: this is no cursor of ours, or it was cut or changed.", hint=again
            ) from None
        if asked != question:
            raise InvalidArgumentError(
                "cursor: it belongs to another question: other filters, sort, agent or tool.",
                hint=f"Repeat the arguments of the call that gave it. {again}",
            )
        old = now is not None and timedelta(seconds=now.timestamp() - issued) > CURSOR_LIFE
        if made != generation or old:
            raise InvalidArgumentError("cursor: it has expired.", hint=again)
        return cls(asked, made, sequence_number, issued, tuple(bounds), tuple(after))


def question_of(*parts: Any) -> str:
    """A digest of a question's arguments."""
    return blake2s(json.dumps(parts, sort_keys=True).encode(), digest_size=6).hexdigest()


def _spelt(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _sum(packed: bytes) -> bytes:
    return blake2s(packed, digest_size=4).digest()


def seconds(moments: Sequence[datetime | None]) -> tuple[int | None, int | None]:
    """A window in Unix seconds."""
    since, until = (None if m is None else int(m.timestamp()) for m in moments)
    return since, until


def moments(window_: Sequence[int | None]) -> tuple[datetime | None, datetime | None]:
    """A window from Unix seconds."""
    since, until = (None if s is None else datetime.fromtimestamp(s, UTC) for s in window_)
    return since, until
