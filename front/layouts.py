"""The two layouts of the shop on one machine; they differ in URLs and processes, not in code."""

import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from socket import socket
from subprocess import Popen

from front import child
from front.listening import of_role, stops_within
from front.roles import BFFS, GATEWAY, SERVICES
from front.server import running


@asynccontextmanager
async def one_process(sockets: Mapping[str, socket]) -> AsyncIterator[None]:
    """Every service and the gateway, with the BFFs mounted, on this event loop; each on its own socket."""
    async with AsyncExitStack() as stack:
        for wave in (SERVICES, (GATEWAY,)):
            servers = [listening for role in wave for listening in of_role(role, sockets[role])]
            await stack.enter_async_context(running(servers))
        yield


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
                sockets[GATEWAY].close()  # it is the gateway's: what that refuses is refused
                yield {**behind, GATEWAY: gateway}
        finally:
            for process in behind.values():  # all at once; the stack then waits for each
                process.terminate()


def _process(role: str, sock: socket, logs: Path) -> AbstractContextManager[Popen[bytes]]:
    command = [sys.executable, "-m", "front", "serve", role, "--fd", str(sock.fileno())]
    log = logs / f"{role}.log"
    return child.running(command, log=log, pass_fds=[sock.fileno()], stops_within=stops_within(role))
