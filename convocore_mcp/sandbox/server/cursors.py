"""Opaque cursors: a place in the list, with a checksum against tampering."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2s
from typing import Final

from convocore_mcp.sandbox.server.page_queries import Refusal

_SUM: Final = 9


@dataclass(frozen=True, slots=True)
class Cursors:
    """Writes and reads the cursors of one agent."""

    agent_id: str
    seed: int

    def write(self, rank: int, *, generation: int, request: int) -> str:
        """A cursor for the place after `rank`; two requests never get the same string."""
        payload = f"{rank}.{generation}.{request}".encode()
        return urlsafe_b64encode(self._sum(payload) + payload).decode().rstrip("=")

    def read(self, cursor: str, *, generation: int) -> int:
        """The rank a cursor stands after.

        Raises:
            Refusal: tampered with, foreign, or from before `epoch`.
        """
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            payload = raw[_SUM:]
            rank, given, request = (int(part) for part in payload.decode("ascii").split("."))
        except ValueError as error:
            raise Refusal("Invalid cursor", "cursor") from error
        # Written again and compared: base64 has several spellings for the same bytes.
        if cursor != self.write(rank, generation=given, request=request):
            raise Refusal("Invalid cursor", "cursor")
        if given != generation:
            raise Refusal("The cursor has expired, start again without cursor", "cursor")
        return rank

    def _sum(self, payload: bytes) -> bytes:
        key = f"{self.seed}/{self.agent_id}".encode()
        return blake2s(payload, digest_size=_SUM, key=blake2s(key).digest()).digest()
