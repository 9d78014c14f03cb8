"""Real servers on loopback sockets, in the test's own event loop."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Protocol

import httpx
import uvicorn

from front.guard import USUAL, Guard
from front.server import config
from front.sockets import address, bound
from kit.asgi import App
from tests.support.ports import free_ports

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Serve(Protocol):
    """Serves an app; on a socket that is bound already, where the app has to know its address before."""

    def __call__(self, app: App, sock: socket.socket | None = None) -> Awaitable[str]:
        """The URL of the app, which serves by then."""
        ...


class _Server(uvicorn.Server):
    """A server, set up as the shop's are, that is told by events where others are polled."""

    def __init__(self, app: App, stop: asyncio.Event, guard: Guard) -> None:
        super().__init__(config(app, guard=guard))
        self.serving = asyncio.Event()
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def main_loop(self) -> None:
        """Serve until the end is told."""
        await self.on_tick(0)
        self.serving.set()
        await self._stop.wait()


@asynccontextmanager
async def servers(guard: Guard = USUAL) -> AsyncIterator[Serve]:
    """`url = await serve(app)`, for as many apps as a test wants; at the end all stop together."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as running:

        async def serve(app: App, sock: socket.socket | None = None) -> str:
            sock = sock or bound()
            server = _Server(app, stop, guard)
            running.create_task(server.serve(sockets=[sock]))
            await server.serving.wait()
            return f"http://{address(sock)}"

        try:
            yield serve
        finally:
            stop.set()


@asynccontextmanager
async def raw_server(talk: Talk) -> AsyncIterator[str]:
    """The address of a server that says to every connection what `talk` says, be it HTTP or not."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        finally:
            writer.close()

    sock = bound()
    url = f"http://{address(sock)}"
    async with await asyncio.start_server(handle, sock=sock):
        yield url


@cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def client_of(url: str) -> httpx.AsyncClient:
    """A client, made quickly: what TLS trusts is read once for all."""
    return httpx.AsyncClient(base_url=url, timeout=10, verify=_trusted())


def nobody_there() -> str:
    """An address at which nobody listens."""
    return f"http://127.0.0.1:{free_ports()}"
