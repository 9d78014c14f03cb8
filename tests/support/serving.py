"""Real servers on loopback sockets, in the test's own event loop."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import randrange
from typing import Protocol

import httpx

from frontispiece.http.asgi import App
from frontispiece.http.client import default_trust
from frontispiece.server.limits import DEFAULT_LIMITS, ConnectionLimits
from frontispiece.server.server import IMMEDIATE, Server, Shutdown
from frontispiece.server.sockets import PortTaken, address, bound

FIRST, EACH = 20_000, 1_500
"""Below those that systems hand out by themselves; each process of a test run has its own part of them."""

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Serve(Protocol):
    """Serves an app; on a socket that is bound already, where the app has to know its address before."""

    def __call__(self, app: App, sock: socket.socket | None = None) -> Awaitable[str]:
        """The URL of the app, which serves by then."""
        ...


@asynccontextmanager
async def servers(
    limits: ConnectionLimits = DEFAULT_LIMITS, shutdown: Shutdown = IMMEDIATE
) -> AsyncIterator[Serve]:
    """`url = await serve(app)`, for as many apps as a test wants; at the end all stop together."""
    serving: list[Server] = []
    async with asyncio.TaskGroup() as running:

        async def serve(app: App, sock: socket.socket | None = None) -> str:
            sock = sock or bound()
            url = f"http://{address(sock)}"
            server = Server("a test's app", app, shutdown, limits=limits)
            serving.append(server)
            await server.until_started(running.create_task(server.serve(sock)))
            return url

        try:
            yield serve
        finally:
            for server in serving:
                server.stop()


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


def client_of(url: str) -> httpx.AsyncClient:
    """A client, made quickly: what TLS trusts is read once for all."""
    return httpx.AsyncClient(base_url=url, timeout=60, verify=default_trust())


def nobody_there() -> str:
    """An address at which nobody listens."""
    return f"http://127.0.0.1:{free_ports()}"


def free_ports(count: int = 1) -> int:
    """The first of so many ports in a row that are free, and whoever takes just any gets others."""
    part = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    while True:
        first = FIRST + part * EACH + randrange(EACH - count)  # noqa: S311 (nothing is guarded by it)
        try:
            for port in range(first, first + count):
                bound(port).close()
        except PortTaken:
            continue
        return first
