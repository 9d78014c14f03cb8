"""Calls and handlers as the tests of layers need them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from gateway.call import Call
from gateway.upstream import Reply

Answer = Callable[[Call], Awaitable[Reply]]


def call(method: str = "GET", **more: Any) -> Call:
    """A call; `more` are other fields of it."""
    fields: dict[str, Any] = {
        "params": {},
        "query": b"",
        "headers": [],
        "body": b"",
        "request_id": b"7",
        "scheme": "http",
        "peer": "192.0.2.7",
    }
    return Call(method=method, **(fields | more))


async def in_chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body as it comes."""
    for chunk in chunks:
        yield chunk


def answering(status: int = 200, *headers: tuple[bytes, bytes]) -> Answer:
    """Answer this, whole."""

    async def answer(_call: Call) -> Reply:
        return Reply.whole(status, b"said", [*headers])

    return answer


def raising(failure: Exception) -> Answer:
    """Give no answer but this."""

    async def answer(_call: Call) -> Reply:
        raise failure

    return answer


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
