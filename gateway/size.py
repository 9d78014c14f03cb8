"""How many bytes, as people write it in a table."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

BYTES: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

_SIZE = re.compile(rf"(\d{{1,6}})({'|'.join(BYTES)})", re.ASCII)


def _size(text: object) -> int:
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'{text!r} is no size: write "512B", "64KiB" or "1MiB"')
    return int(match[1]) * BYTES[match[2]]


Size = Annotated[int, BeforeValidator(_size), Field(ge=0)]
"""Of a body, in bytes."""


def written(size: int) -> str:
    """A size as people read it."""
    for unit, each in reversed(BYTES.items()):
        if size % each == 0 and size:
            return f"{size // each} {unit}"
    return f"{size} B"
