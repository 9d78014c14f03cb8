"""No body is longer than its route lets it be."""

from collections.abc import AsyncIterator

from gateway.call import Call, Handler, Layer
from gateway.size import written
from gateway.upstream import Reply
from kit.problems import Problem


def at_most(size: int) -> Layer:
    """Refuse longer bodies: before anything of them is read when they tell their length, else in the middle.

    A service never sees the end of a body that is cut off, so that it cannot take it for a whole one.
    """

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            if isinstance(call.body, bytes):
                if len(call.body) > size:
                    raise _too_long(size)
                return await inner(call)
            length = call.header(b"content-length")
            if length is None:
                call.body = _cut(call.body, size)
            elif int(length) > size:
                raise _too_long(size)
            return await inner(call)

        return handle

    return layer


async def _cut(body: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    left = size
    async for chunk in body:
        left -= len(chunk)
        if left < 0:
            raise _too_long(size)
        yield chunk


def _too_long(size: int) -> Problem:
    return Problem(413, "body-too-long", f"A body has at most {written(size)} here.", limit=size)
