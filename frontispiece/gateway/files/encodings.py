"""The content of a file in every coding that makes it shorter."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from frontispiece.gateway.policies.compression.config import MODULES
from frontispiece.gateway.policies.compression.encoders import ENCODERS
from frontispiece.gateway.policies.compression.layer import COMPRESSIBLE

IDENTITY: Final = "identity"

LEVELS: Final = {"br": 11, "zstd": 19, "gzip": 9}
"""The highest level of each coding; the coding comes first that makes most files the shortest."""

WINDOW: Final = 22
"""Log2 of the window in bytes."""


def encodings_of(content: bytes, media_type: str) -> Mapping[str, bytes]:
    """The content as it is, and by coding where that is shorter; of the codings that are installed."""
    bodies = {IDENTITY: content}
    if COMPRESSIBLE.fullmatch(media_type.encode()) is None:
        return bodies
    for coding, level in LEVELS.items():
        module = MODULES.get(coding)
        if module is None or find_spec(module) is not None:
            encoder = ENCODERS[coding](level, WINDOW, len(content))
            encoded = encoder.encode(content) + encoder.finish()
            if len(encoded) < len(content):
                bodies[coding] = encoded
    return bodies
