"""The content of a file in every coding that makes it shorter."""

import gzip
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Final

from frontispiece.gateway.policies.compression.config import MODULES
from frontispiece.gateway.policies.compression.layer import COMPRESSIBLE

IDENTITY: Final = "identity"

PREFERRED: Final = ("br", "zstd", "gzip")
"""The codings, the one first that makes most files the shortest."""


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)  # the same bytes in every process: they have one entity tag


def _brotli(content: bytes) -> bytes:
    import brotli  # type: ignore[import-untyped]  # noqa: PLC0415 (optional)

    compressed: bytes = brotli.compress(content, quality=11)
    return compressed


def _zstd(content: bytes) -> bytes:
    import zstandard  # noqa: PLC0415 (optional)

    return zstandard.ZstdCompressor(level=19).compress(content)


_ENCODERS: Final[dict[str, Callable[[bytes], bytes]]] = {"br": _brotli, "zstd": _zstd, "gzip": _gzip}


def encodings_of(content: bytes, media_type: str) -> Mapping[str, bytes]:
    """The content as it is, and by coding where that is shorter; of the codings that are installed."""
    bodies = {IDENTITY: content}
    if COMPRESSIBLE.fullmatch(media_type.encode()) is None:
        return bodies
    for coding in PREFERRED:
        module = MODULES.get(coding)
        if module is None or find_spec(module) is not None:
            encoded = _ENCODERS[coding](content)
            if len(encoded) < len(content):
                bodies[coding] = encoded
    return bodies
