"""Where big bodies are compressed: beside the loop, and never more than the machine can take."""

import asyncio
import os
from typing import Final

from gateway.compression.codings import Encoder

BIG: Final = 64 * 1024
"""From here on a piece takes the loop half a millisecond; to hand it to a thread takes a tenth of that."""


class Workers:
    """Threads in which big bodies are compressed.

    Args:
        at_once: how many bodies; further ones are sent as they are.
    """

    def __init__(self, at_once: int | None = None) -> None:
        self._free = 2 * (os.cpu_count() or 1) if at_once is None else at_once

    async def whole(self, encoder: Encoder, content: bytes) -> bytes | None:
        """The content, encoded; None when it is big and nobody is free."""
        if len(content) < BIG:
            return encoder.piece(content) + encoder.end()
        if self._free <= 0:
            return None
        self._free -= 1
        try:
            return await asyncio.to_thread(lambda: encoder.piece(content) + encoder.end())
        finally:
            self._free += 1

    async def piece(self, encoder: Encoder, content: bytes) -> bytes:
        """A piece of a longer body: one after the other, and so no more than there are readers."""
        if len(content) < BIG:
            return encoder.piece(content)
        return await asyncio.to_thread(encoder.piece, content)
