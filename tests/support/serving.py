"""Real servers on loopback sockets, in the test's own event loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from front.server import Server
from front.sockets import address, bound
from kit.asgi import App

Serve = Callable[[App], Awaitable[str]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def servers() -> AsyncIterator[Serve]:
    """`url = await serve(app)`, for as many apps as a test wants; at the end all stop together."""
    stop = asyncio.Event()

    class Stoppable(Server):
        async def main_loop(self) -> None:
            await self.on_tick(0)
            await stop.wait()  # at once, where a tick would take its time

    async with asyncio.TaskGroup() as running:

        async def serve(app: App) -> str:
            sock = bound()
            server = Stoppable(app)
            await server.until_started(running.create_task(server.serve(sockets=[sock])))
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


def nobody_there() -> str:
    """An address at which nobody listens."""
    sock = bound()
    with sock:
        return f"http://{address(sock)}"
