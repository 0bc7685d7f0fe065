"""Opaque cursors: a position in the list, with a checksum against tampering."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2s
from typing import Final

from convocore_mcp.sandbox.server.list_query import BadRequestError

_CHECKSUM_BYTES: Final = 9


@dataclass(frozen=True, slots=True)
class Cursors:
    """Writes and reads the cursors of one agent."""

    agent_id: str
    seed: int

    def write(self, rank: int, *, generation: int, request: int) -> str:
        """A cursor for the position after `rank`; two requests never get the same string."""
        payload = f"{rank}.{generation}.{request}".encode()
        return urlsafe_b64encode(self._checksum(payload) + payload).decode().rstrip("=")

    def read(self, cursor: str, *, generation: int) -> int:
        """The rank after which the cursor's position is.

        Raises:
            BadRequestError: tampered with, of another agent, or of another `generation`.
        """
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            payload = raw[_CHECKSUM_BYTES:]
            rank, written_in, request = (int(part) for part in payload.decode("ascii").split("."))
        except ValueError as error:
            raise BadRequestError("Invalid cursor", "cursor") from error
        # Compare with a cursor written again: base64 has several spellings of the same bytes.
        if cursor != self.write(rank, generation=written_in, request=request):
            raise BadRequestError("Invalid cursor", "cursor")
        if written_in != generation:
            raise BadRequestError("The cursor has expired, start again without cursor", "cursor")
        return rank

    def _checksum(self, payload: bytes) -> bytes:
        key = f"{self.seed}/{self.agent_id}".encode()
        digest = blake2s(payload, digest_size=_CHECKSUM_BYTES, key=blake2s(key).digest())
        return digest.digest()
