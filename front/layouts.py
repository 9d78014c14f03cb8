"""The two layouts of the shop on one machine; they differ in URLs and processes, not in code."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from socket import socket
from subprocess import Popen

from front import child
from front.roles import BFFS, GATEWAY, SERVICES, create
from front.server import Server


@asynccontextmanager
async def one_process(sockets: Mapping[str, socket]) -> AsyncIterator[None]:
    """Every service and the gateway, with the BFFs mounted, on this event loop; each on its own socket."""
    async with AsyncExitStack() as stack:
        for wave in (SERVICES, (GATEWAY,)):
            await stack.enter_async_context(_serving({role: sockets[role] for role in wave}))
        yield


@asynccontextmanager
async def _serving(sockets: Mapping[str, socket]) -> AsyncIterator[None]:
    servers = [(Server(role, create(role)), sock) for role, sock in sockets.items()]
    running = [(server, asyncio.create_task(server.serve([sock]))) for server, sock in servers]
    try:
        await asyncio.gather(*(server.until_started(task) for server, task in running))
        yield
    finally:
        for server, _ in running:
            server.should_exit = True
        await asyncio.wait([task for _, task in running])


@contextmanager
def many_processes(sockets: Mapping[str, socket], logs: Path) -> Iterator[Mapping[str, Popen[bytes]]]:
    """A process for each role; the gateway stops before the others, so that no request loses its service."""
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        behind = {
            role: stack.enter_context(_process(role, sockets[role], logs)) for role in (*SERVICES, *BFFS)
        }
        try:
            with _process(GATEWAY, sockets[GATEWAY], logs) as gateway:
                yield {**behind, GATEWAY: gateway}
        finally:
            for process in behind.values():  # all at once; the stack then waits for each
                process.terminate()


def _process(role: str, sock: socket, logs: Path) -> AbstractContextManager[Popen[bytes]]:
    command = [sys.executable, "-m", "front", "serve", role, "--fd", str(sock.fileno())]
    return child.running(command, log=logs / f"{role}.log", pass_fds=[sock.fileno()])
