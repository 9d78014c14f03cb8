"""Responses in several parts, as multipart (Incremental Delivery over HTTP) and as server-sent events.

The parts have the form of the current draft: `pending`, `incremental`, `completed` and `hasNext`. Events are
those of the protocol graphql-sse, in its mode of distinct connections: `next` for each part, and `complete`.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec

from frontispiece.graphql.request import Media

BOUNDARY = "-"

HEARTBEAT = 10.0
"""Seconds without an event after which there is a comment: proxies cut off what is silent."""

CONTENT_TYPES = {
    Media.MULTIPART: f'{Media.MULTIPART}; boundary="{BOUNDARY}"',
    Media.EVENTS: Media.EVENTS.value,
}


async def multipart(payloads: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[bytes, None]:
    """The payloads as parts; the boundary after each lets the client read it at once."""
    yield b"\r\n---\r\n"
    async for payload in payloads:
        is_last = payload.get("hasNext") is not True
        body = msgspec.json.encode(payload)
        yield b"Content-Type: application/json; charset=utf-8\r\n\r\n%b\r\n---%b\r\n" % (
            body,
            b"--" if is_last else b"",
        )


async def events(payloads: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[bytes, None]:
    """The payloads as events, and a comment whenever there was none for a while."""
    coming: asyncio.Future[dict[str, Any]] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(payloads))
            await asyncio.wait([coming], timeout=HEARTBEAT)
            if not coming.done():
                yield b":\n\n"
                continue
            ended, coming = coming, None
            try:
                yield b"event: next\ndata: %b\n\n" % msgspec.json.encode(ended.result())
            except StopAsyncIteration:
                yield b"event: complete\ndata:\n\n"
                return
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait([coming])
