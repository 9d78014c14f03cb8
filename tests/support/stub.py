"""An upstream that does as the test says and remembers what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from frontispiece.http.asgi import Message, Receive, Scope, Send

Header = tuple[bytes, bytes]


class Exchange:
    """One request as the upstream sees it, and the means to answer it piece by piece."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: bytes = scope["raw_path"]
        self.query: bytes = scope["query_string"]
        self.client: tuple[str, int] | None = scope.get("client")
        self.headers: list[Header] = list(scope["headers"])
        self.body = b""
        self.ended = asyncio.Event()
        self._receive = receive
        self._send = send

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a header, in order."""
        return [value for known, value in self.headers if known == name]

    async def receive(self) -> Message:
        """What comes next of the request."""
        return await self._receive()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return
            if message.get("body"):
                yield message["body"]
            more = message.get("more_body", False)

    async def read(self) -> bytes:
        """The whole body."""
        async for chunk in self.chunks():
            self.body += chunk
        return self.body

    async def until_left(self) -> None:
        """Return when the caller has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def start(self, status: int = 200, *headers: Header) -> None:
        """Send the head of the answer."""
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def chunk(self, content: bytes) -> None:
        """Send a piece of the answer's body."""
        await self._send({"type": "http.response.body", "body": content, "more_body": True})

    async def end(self, content: bytes = b"") -> None:
        """Send the last piece of the answer's body."""
        await self._send({"type": "http.response.body", "body": content, "more_body": False})


Answer = Callable[[Exchange], Awaitable[None]]


async def fine(exchange: Exchange) -> None:
    """Read the request and answer `{}`."""
    await exchange.read()
    await exchange.start(200, (b"content-type", b"application/json"))
    await exchange.end(b"{}")


def answering(status: int, content: bytes, *headers: Header) -> Answer:
    """Read the request and answer this."""

    async def answer(exchange: Exchange) -> None:
        await exchange.read()
        await exchange.start(status, *headers)
        await exchange.end(content)

    return answer


def waiting(event: asyncio.Event, answer: Answer = fine) -> Answer:
    """Answer so once this is set."""

    async def wait(exchange: Exchange) -> None:
        await event.wait()
        await answer(exchange)

    return wait


class Stub:
    """An ASGI app. Tests set `answer`, look at `requests`, wait for `begun` and for an exchange's `ended`."""

    def __init__(self, answer: Answer = fine) -> None:
        self.answer = answer
        self.requests: list[Exchange] = []
        self.begun = asyncio.Event()
        self.ready: bool | None = True
        """What its readiness endpoint says; None for a service that has none: `answer` answers."""

    @property
    def last(self) -> Exchange:
        """The latest request."""
        return self.requests[-1]

    @property
    def paths(self) -> list[str]:
        """The paths of all requests."""
        return [exchange.path.decode() for exchange in self.requests]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one lifespan or one request."""
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{phase}.complete"})
            return
        exchange = Exchange(scope, receive, send)
        if exchange.path == b"/health/ready" and self.ready is not None:
            await answering(200 if self.ready else 503, b"")(exchange)
            return
        self.requests.append(exchange)
        self.begun.set()
        try:
            await self.answer(exchange)
        finally:
            exchange.ended.set()
