"""A server of raw connections: what goes over the wire is in the test's own hands."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from frontispiece.server.sockets import address, bound
from frontispiece.upstream import Request, Transport

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood"


class Line:
    """One connection as the server sees it; tests wait for `ended`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.requests: list[bytes] = []
        self.ended = asyncio.Event()
        """Set when the client has closed the connection."""

    async def request(self) -> bytes:
        """The head of the next request."""
        self.requests.append(await self.reader.readuntil(b"\r\n\r\n"))
        return self.requests[-1]

    async def say(self, *pieces: bytes) -> None:
        """Send these, each in a packet of its own as far as can be done."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def left(self) -> None:
        """Read until the client has closed the connection."""
        while await self.reader.read(65536):
            pass
        self.ended.set()

    async def serve_once(self) -> None:
        """Answer one request."""
        await self.request()
        await self.say(GOOD)

    async def serve(self, answer: bytes = GOOD) -> None:
        """Answer every request with this."""
        while True:
            await self.request()
            await self.say(answer)


Talk = Callable[[Line], Awaitable[None]]


class Peer:
    """A running server; its `lines` are in the order of their beginning."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.lines: list[Line] = []
        self.moved = asyncio.Condition()

    async def until_lines(self, count: int) -> None:
        """Wait for this many connections."""
        async with self.moved:
            await self.moved.wait_for(lambda: len(self.lines) >= count)


@asynccontextmanager
async def peer(*talks: Talk) -> AsyncIterator[Peer]:
    """A server that talks to its first connection as the first of `talks` does and so on; then by `serve`."""
    sock = bound()
    server = Peer(f"http://{address(sock)}")
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        line = Line(reader, writer)
        number = len(server.lines)
        async with server.moved:
            server.lines.append(line)
            server.moved.notify_all()
        try:
            await (talks[number](line) if number < len(talks) else line.serve())
        except (asyncio.IncompleteReadError, ConnectionError):
            line.ended.set()
        except asyncio.CancelledError:  # the test is over; streams log a task that ends like this
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(handle, sock=sock):
        yield server
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


def saying(*pieces: bytes) -> Talk:
    """Answer the first request with these and wait for the client to go."""

    async def talk(line: Line) -> None:
        await line.request()
        await line.say(*pieces)
        await line.left()

    return talk


def closing(*pieces: bytes) -> Talk:
    """Answer the first request with these and close the connection."""

    async def talk(line: Line) -> None:
        await line.request()
        await line.say(*pieces)

    return talk


def get(target: str = "/a", timeout: float = 30.0) -> Request:
    return Request(method="GET", target=target, timeout=timeout)


async def whole(transport: Transport, request: Request | None = None) -> tuple[int, bytes]:
    """Status and content of the answer."""
    async with await transport.send(request or get()) as reply:
        return reply.status, await reply.read(10_000_000)
