"""Decoders of content codings, that take as much as has come."""

import zlib

import brotli  # type: ignore[import-untyped]
import zstandard


def decoded(content: bytes, coding: str) -> bytes:
    """What these bytes, which need not be all, say in this coding."""
    if coding == "gzip":
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(content)
    if coding == "br":
        return bytes(brotli.Decompressor().process(content))
    return zstandard.ZstdDecompressor().decompressobj().decompress(content)
