"""Calls and handlers as the tests of layers need them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from frontispiece.gateway.call import Call
from frontispiece.upstream import Headers, Reply

Answer = Callable[[Any], Awaitable[Reply]]
"""What stands for a handler, which is given calls, or for a transport, which is given requests."""


def call(method: str = "GET", **more: Any) -> Call:
    """A call; `more` are other fields of it."""
    fields: dict[str, Any] = {
        "params": {},
        "query": b"",
        "headers": [],
        "body": b"",
        "request_id": b"7",
        "scheme": "http",
        "client_ip": "192.0.2.7",
    }
    return Call(method=method, **(fields | more))


def headers_of(**fields: str) -> Headers:
    """Header fields: `headers_of(cache_control="no-store")`."""
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]


async def in_chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body as it comes."""
    for chunk in chunks:
        yield chunk


def answering(status: int = 200, *headers: tuple[bytes, bytes]) -> Answer:
    """Answer this, whole."""

    async def answer(_asked: object) -> Reply:
        return Reply.whole(status, b"said", [*headers])

    return answer


def raising(failure: BaseException) -> Answer:
    """Give no answer but this."""

    async def answer(_asked: object) -> Reply:
        raise failure

    return answer


def watch_release(reply: Reply) -> asyncio.Event:
    """Set when the reply is released."""
    released = asyncio.Event()

    async def release() -> None:
        released.set()

    reply.release = release
    return released


async def reading(call: Call) -> Reply:
    """Read the body, and then fail."""
    if not isinstance(call.body, bytes):
        async for _ in call.body:
            pass
    return Reply.whole(503, b"", [])


class Handler:
    """Answers as it is told, one answer after the other and the last one for ever; it keeps the calls."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.calls: list[Call] = []

    async def __call__(self, call: Call) -> Reply:
        self.calls.append(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(call)
