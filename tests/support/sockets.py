"""A service that speaks WebSocket, and clients of it: of another make than what stands between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response

from frontispiece.server.sockets import address, bound

Talk = Callable[[ServerConnection], Awaitable[None]]


async def echo(socket: ServerConnection) -> None:
    """Say everything again."""
    with suppress(ConnectionClosed):
        async for message in socket:
            await socket.send(message)


class SocketService:
    """Does as the test says, and remembers who came."""

    def __init__(self) -> None:
        self.talk: Talk = echo
        self.refusal: Response | None = None
        self.requests: list[Request] = []
        self.came: asyncio.Queue[ServerConnection] = asyncio.Queue()
        """The WebSockets, as they opened."""

    @property
    def headers(self) -> Headers:
        """Those of the last handshake."""
        return self.requests[-1].headers

    async def handle(self, socket: ServerConnection) -> None:
        """Serve one WebSocket."""
        await self.came.put(socket)
        await self.talk(socket)

    def process(self, _socket: ServerConnection, request: Request) -> Response | None:
        """Look at a handshake."""
        self.requests.append(request)
        return self.refusal

    def serving(self, **options: Any) -> AbstractAsyncContextManager[Server]:
        """A server of it on a socket of its own."""
        return serve(self.handle, sock=bound(), process_request=self.process, compression=None, **options)


def url_of(server: Server) -> str:
    """Where it is, for a table."""
    (sock,) = server.sockets
    return f"http://{address(sock)}"


@asynccontextmanager
async def opened(gateway: str, path: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """A client's WebSocket at a gateway."""
    url = gateway.replace("http://", "ws://") + path
    async with asyncio.timeout(60), connect(url, proxy=None, **options) as socket:
        yield socket


async def refused(gateway: str, path: str, **options: Any) -> Response:
    """What a client is told whose handshake is refused."""
    try:
        async with opened(gateway, path, **options):
            raise AssertionError("it opened")
    except InvalidStatus as refusal:
        return refusal.response


async def ending(socket: ClientConnection | ServerConnection) -> tuple[int | None, str | None]:
    """The code and the reason by which a WebSocket ends, whatever else is said before."""
    async with asyncio.timeout(60):
        if isinstance(socket, ClientConnection):  # a service reads for itself
            with suppress(ConnectionClosed):
                while True:
                    await socket.recv()
        await socket.wait_closed()
        return socket.close_code, socket.close_reason
