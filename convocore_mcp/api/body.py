"""The body of an answer, decompressed within a limit.

Done here and not by the HTTP library, which unpacks whatever came before anybody can look at the
size: a few kilobytes of gzip in gzip would fill the memory.
"""

import zlib

from convocore_mcp.errors import ContractError, GarbledError

ENCODINGS = "gzip, deflate"
"""What we tell Convocore that we can read."""
_PLAIN = {"", "identity"}
_PACKED = {"gzip", "x-gzip", "deflate"}
_EITHER_HEADER = zlib.MAX_WBITS + 32  # zlib's or gzip's, whichever is there


class Body:
    """Takes in the pieces of a body as they come over the wire.

    Raises:
        GarbledError: it is packed in a way we did not ask for, or can't be unpacked.
        ContractError: it is larger than `limit` bytes.
    """

    def __init__(self, encoding: str, *, limit: int) -> None:
        encoding = encoding.strip().lower()
        if encoding not in _PLAIN | _PACKED:
            raise _broken()
        self._unpacker = zlib.decompressobj(_EITHER_HEADER) if encoding in _PACKED else None
        self._limit = limit
        self._size = 0
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        """Unpack and keep one piece."""
        if self._unpacker is not None:
            try:
                piece = self._unpacker.decompress(piece, self._limit - self._size + 1)
            except zlib.error:
                raise _broken() from None
        self._size += len(piece)
        if self._size > self._limit:
            raise ContractError(
                f"Convocore's answer is larger than {self._limit / 2**20:.3g} MB.",
                hint="This is no page of conversations; check CONVOCORE_BASE_URL.",
            )
        self._pieces.append(piece)

    def whole(self) -> bytes:
        """All of it."""
        if self._unpacker is not None and self._pieces and not self._unpacker.eof:
            raise _broken()
        return b"".join(self._pieces)


def _broken() -> GarbledError:
    return GarbledError("Convocore's answer can't be decompressed.", hint="Try again in a minute.")
