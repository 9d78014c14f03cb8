"""Encoders of bodies, in threads where these are big.

The levels were measured on JSON of web pages (1 core): of 64 KB, zstd 3 leaves 34 % in 0.2 ms,
brotli 4 34 % in 0.5 ms, gzip 4 37 % in 0.6 ms. The next levels take twice as long for a hundredth.
"""

import asyncio
import os
import zlib
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

GZIP_LEVEL: Final = 4
BROTLI_LEVEL: Final = 4
ZSTD_LEVEL: Final = 3

WINDOW: Final = 18
"""Log2 of the window in bytes, which an encoder holds for as long as its stream lasts."""

BIG: Final = 64 * 1024
"""Bytes from which on a chunk blocks the loop for half a millisecond; a thread costs a tenth of that."""

_GZIP_FORMAT: Final = 16 + zlib.MAX_WBITS


class Encoder(NamedTuple):
    """Encodes one body.

    `encode` returns what is ready, which may be empty, `flush` all that is needed to decode what was
    taken, and `finish` the end of the body.
    """

    encode: Callable[[bytes], bytes]
    flush: Callable[[], bytes]
    finish: Callable[[], bytes]


def _gzip(level: int = GZIP_LEVEL, _window: int = WINDOW, _size: int | None = None) -> Encoder:
    compressor = zlib.compressobj(level, zlib.DEFLATED, _GZIP_FORMAT)
    return Encoder(compressor.compress, partial(compressor.flush, zlib.Z_SYNC_FLUSH), compressor.flush)


def _brotli(level: int = BROTLI_LEVEL, window: int = WINDOW, _size: int | None = None) -> Encoder:
    import brotli  # type: ignore[import-untyped]  # noqa: PLC0415 (optional: the table was checked)

    compressor = brotli.Compressor(quality=level, lgwin=window)
    return Encoder(compressor.process, compressor.flush, compressor.finish)


def _zstd(level: int = ZSTD_LEVEL, window: int = WINDOW, size: int | None = None) -> Encoder:
    import zstandard  # noqa: PLC0415 (optional: the table was checked)

    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, window_log=window, source_size=size or 0
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj(
        size=-1 if size is None else size
    )
    flush = partial(compressor.flush, zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    return Encoder(compressor.compress, flush, compressor.flush)


ENCODERS: Final[dict[str, Callable[..., Encoder]]] = {"zstd": _zstd, "br": _brotli, "gzip": _gzip}
"""Make the encoder of a coding; a level, the log2 of a window and the size of the body may be given."""


class Workers:
    """Threads in which big bodies are encoded.

    `max_bodies` whole ones at a time, by default two for each core; further ones are not encoded.
    """

    def __init__(self, max_bodies: int | None = None) -> None:
        self._free = 2 * (os.cpu_count() or 1) if max_bodies is None else max_bodies

    async def encode_body(self, encoder: Encoder, body: bytes) -> bytes | None:
        """The whole body, encoded; None when it is big and all threads are busy."""
        if len(body) < BIG:
            return encoder.encode(body) + encoder.finish()
        if self._free <= 0:
            return None
        self._free -= 1
        try:
            return await asyncio.to_thread(lambda: encoder.encode(body) + encoder.finish())
        finally:
            self._free += 1

    async def encode_chunk(self, encoder: Encoder, chunk: bytes) -> bytes:
        """A chunk of a stream; there is at most one of each stream at a time."""
        if len(chunk) < BIG:
            return encoder.encode(chunk)
        return await asyncio.to_thread(encoder.encode, chunk)
