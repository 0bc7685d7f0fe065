"""Cursors: where a page ended, as text that a client hands back with the same question."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2s

from convocore_mcp.errors import InvalidArgumentError
from convocore_mcp.fields.row_query import SortKey

CURSOR_LIFE = timedelta(days=1)
"""As docs/contract.md promises; the mirror keeps old versions for a week."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a list goes on: after which row, as of which sequence number, for which question."""

    question: str
    """A digest of everything that decides which rows there are, and in which order."""
    generation: str
    sequence_number: int
    issued: int
    """Unix seconds of the first page: `7d` and `today` must mean the same on each page."""
    after: SortKey

    @property
    def issued_at(self) -> datetime:
        """When the first page was asked for."""
        return datetime.fromtimestamp(self.issued, UTC)

    def encode(self) -> str:
        """The cursor as text that a client can hand back."""
        packed = json.dumps(
            [self.question, self.generation, self.sequence_number, self.issued, self.after],
            separators=(",", ":"),
        ).encode()
        return _as_text(_checksum(packed) + packed)

    @classmethod
    def decode(cls, text: str, *, question: str, generation: str, now: datetime | None) -> "Cursor":
        """Read a cursor that came with a question. Without `now` it may be of any age.

        Raises:
            InvalidArgumentError: it is damaged, too old, or belongs to another question.
        """
        restart = "Leave cursor out to start again."
        try:
            packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            # The decoder skips characters outside its alphabet; a cursor has one spelling.
            if _checksum(packed[4:]) != packed[:4] or _as_text(packed) != text:
                raise ValueError("damaged")
            asked, made_in, sequence_number, issued, after = json.loads(packed[4:])
        except (ValueError, binascii.Error, UnicodeError):
            raise InvalidArgumentError(
                "cursor: it was not made by this server, or it was cut or changed.", hint=restart
            ) from None
        if asked != question:
            raise InvalidArgumentError(
                "cursor: it belongs to another question: other filters, sort, agent or tool.",
                hint=f"Repeat the arguments of the call that gave it. {restart}",
            )
        old = now is not None and timedelta(seconds=now.timestamp() - issued) > CURSOR_LIFE
        if made_in != generation or old:
            raise InvalidArgumentError("cursor: it has expired.", hint=restart)
        return cls(asked, made_in, sequence_number, issued, tuple(after))


def question_digest(*parts: object) -> str:
    """A digest of the arguments that make a question."""
    return blake2s(json.dumps(parts, sort_keys=True).encode(), digest_size=6).hexdigest()


def _as_text(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _checksum(packed: bytes) -> bytes:
    return blake2s(packed, digest_size=4).digest()
