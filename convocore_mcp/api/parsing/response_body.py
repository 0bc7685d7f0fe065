"""The body of a response, decompressed up to a size limit.

The HTTP library would decompress the whole body before its size can be checked: a few kilobytes of
nested gzip could fill the memory. So the raw chunks are decompressed here.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from convocore_mcp.errors import ContractError, GarbledError

ENCODINGS = "gzip, deflate"
"""The value of `Accept-Encoding`."""
EXCLUSIVE_BODY_BYTES = 2 * 1024 * 1024
"""Bytes. Only one body of this size or more is read and parsed at a time, to save memory."""
_UNCOMPRESSED = {"", "identity"}
_COMPRESSED = {"gzip", "x-gzip", "deflate"}
_GZIP_HEADER = b"\x1f\x8b"
_ZLIB_OR_GZIP_HEADER = zlib.MAX_WBITS + 32  # zlib finds out which of the two it is
MIN_KEY_LENGTH = 8
"""A shorter key is not masked in responses, because it could be an ordinary word."""


class ResponseBody:
    """Collects the chunks of a body as they arrive, and decompresses them.

    What follows the end of the compressed data is ignored, but counts toward the limit.

    Raises:
        GarbledError: the encoding is not one of `ENCODINGS`, or the data is damaged.
        ContractError: the body is larger than `limit` bytes, before or after decompression.
    """

    def __init__(self, encoding: str, *, limit: int) -> None:
        encoding = encoding.strip().lower()
        if encoding not in _UNCOMPRESSED | _COMPRESSED:
            raise _not_decompressible()
        compressed = encoding in _COMPRESSED
        self._decompressor = zlib.decompressobj(_ZLIB_OR_GZIP_HEADER) if compressed else None
        self._limit = limit
        self._received = 0
        self._size = 0
        self._chunks: list[bytes] = []

    async def read(
        self, chunks: AsyncIterator[bytes], large_body: asyncio.Lock, stack: AsyncExitStack
    ) -> bytes:
        """The whole body; if it is large, `stack` holds the lock `large_body` from then on."""
        async for chunk in chunks:
            was_large = self._size >= EXCLUSIVE_BODY_BYTES
            self.add(chunk)
            if not was_large and self._size >= EXCLUSIVE_BODY_BYTES:
                await stack.enter_async_context(large_body)
        return self.content()

    def add(self, chunk: bytes) -> None:
        """Decompress and keep one chunk."""
        self._received += len(chunk)
        if self._received > self._limit:
            raise self._too_large()
        if self._decompressor is None:
            self._keep(chunk)
        while chunk and self._decompressor is not None:
            if self._decompressor.eof:
                if not chunk.startswith(_GZIP_HEADER):
                    return
                self._decompressor = zlib.decompressobj(_ZLIB_OR_GZIP_HEADER)  # another member
            try:
                self._keep(self._decompressor.decompress(chunk, self._limit - self._size + 1))
            except zlib.error:
                raise _not_decompressible() from None
            chunk = self._decompressor.unused_data

    def content(self) -> bytes:
        """The whole body, once every chunk was added."""
        if self._decompressor is not None and self._received and not self._decompressor.eof:
            raise _not_decompressible()
        return b"".join(self._chunks)

    def _keep(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._limit:
            raise self._too_large()
        self._chunks.append(chunk)

    def _too_large(self) -> ContractError:
        return ContractError(
            f"Convocore's answer is larger than {self._limit / 2**20:.3g} MB.",
            hint="A page of conversations is smaller. Check CONVOCORE_BASE_URL.",
        )


def _not_decompressible() -> GarbledError:
    return GarbledError("Convocore's answer can't be decompressed.", hint="Try again in a minute.")


def without_key(content: bytes, key: bytes) -> bytes:
    """`content` with the key masked: a message may repeat it, and ends up in errors and logs."""
    return content.replace(key, b"[key]") if len(key) >= MIN_KEY_LENGTH else content
