"""An app that takes requests from the server and returns replies, without ASGI, as a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from frontispiece.http.asgi import App, Receive, Scope, Send
from frontispiece.http.messages import Headers, IncomingRequest, Reply
from tests.support.recorder import said
from tests.support.serving import servers
from tests.support.stub import Exchange, Stub

Respond = Callable[[IncomingRequest], Awaitable[Reply]]


async def hello(_request: IncomingRequest) -> Reply:
    """Say hello."""
    return Reply.whole(200, b"hello", [(b"content-type", b"text/plain")])


def replying(status: int, content: bytes, *headers: tuple[bytes, bytes]) -> Respond:
    """Reply with just this."""

    async def respond(_request: IncomingRequest) -> Reply:
        return Reply(status=status, headers=list(headers), body=content)

    return respond


class DirectApp:
    """Remembers its requests and the ends of its tasks."""

    def __init__(self, respond: Respond = hello, refusal_headers: Headers | None = None) -> None:
        self._respond = respond
        self._refusal_headers = refusal_headers or []
        self.requests: list[IncomingRequest] = []
        self.refused: list[tuple[bytes, Headers]] = []
        """What was read of the requests that the server refused."""
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    async def respond(self, request: IncomingRequest) -> Reply:
        """Do as the test says."""
        self.requests.append(request)
        self.begun.set()
        try:
            return await self._respond(request)
        finally:
            self.ended.set()

    def refusal_headers(self, target: bytes, headers: Headers) -> Headers:
        """Fields for a refusal by the server."""
        self.refused.append((target, headers))
        return self._refusal_headers

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """Speak no ASGI."""
        raise AssertionError(scope["type"])


async def answer_to(app: App, *pieces: bytes) -> bytes:
    """All that an app's server answers to these bytes."""
    async with servers() as serve:
        return await said(await serve(app), *pieces)


def parts(answer: bytes) -> tuple[list[bytes], bytes]:
    """The lines of the answer's head, and what follows."""
    head, _, content = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), content


def streaming(*chunks: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> DirectApp:
    """Replies with a body that comes in pieces."""

    async def respond(_request: IncomingRequest) -> Reply:
        async def body() -> AsyncIterator[bytes]:
            for chunk in chunks:
                await asyncio.sleep(0)
                yield chunk

        return Reply(status=200, headers=list(headers), body=body())

    return DirectApp(respond)


def sending(*chunks: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Stub:
    """The same by ASGI."""

    async def answer(exchange: Exchange) -> None:
        await exchange.start(200, *headers)
        for chunk in chunks:
            await exchange.chunk(chunk)
        await exchange.end()

    return Stub(answer)
