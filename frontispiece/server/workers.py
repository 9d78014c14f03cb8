"""One app in several processes that share a port: a core each."""

import signal
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from types import FrameType

from frontispiece.server import GATEWAY
from frontispiece.server.child_process import Process
from frontispiece.server.listen import stop_timeout
from frontispiece.server.signals import stoppable
from frontispiece.server.sockets import sibling
from frontispiece.server.supervisor import Supervisor

POLL_INTERVAL = 0.2
"""Seconds between two checks that all workers run."""


StartWorker = Callable[[int, Mapping[str, str]], Process]
"""Starts a worker on the socket of a descriptor, with variables beside those of this process."""


def serve(name: str, start_worker: StartWorker, sock: socket.socket, workers: int) -> None:
    """Run an app in so many processes until SIGINT or SIGTERM; one that ends is started again.

    Each listens on a socket of its own, so that they share connections evenly. SIGHUP is passed on to each
    worker of the gateway, which reloads its route table.

    Args:
        name: the app's.
        start_worker: starts one of them.
        sock: bound to the address on which they listen.
        workers: how many processes.

    Raises:
        ConfigError: the gateway's settings are invalid.
        ChildFailed: one of them ended before any of them served: all are stopped.
    """
    if name == GATEWAY:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # inherited by workers: an early one ends none of them
    supervisor = Supervisor()
    sockets: list[socket.socket] = []
    with stoppable(), ExitStack() as stack:
        names = [f"worker {number} of {name}" for number in range(1, workers + 1)]
        for number, worker in enumerate(names):
            start = partial(_start, start_worker, sock, sockets, _environment(name, number))
            stack.enter_context(supervisor.running(worker, start, stop_timeout=stop_timeout(name)))
        stack.callback(supervisor.terminate, names)  # all at once; the stack then waits for each
        stack.callback(_close, sockets)  # before that: connections could hang here, with no worker left
        stack.callback(sock.close)
        if name == GATEWAY:
            _forward_sighup(supervisor)
        while not any(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for sock in sockets):
            supervisor.check()
            time.sleep(POLL_INTERVAL)
        while True:
            _close(sockets)  # open here, they would get connections while their workers do not run
            supervisor.restart()
            time.sleep(POLL_INTERVAL)


def _start(
    start_worker: StartWorker,
    sock: socket.socket,
    sockets: list[socket.socket],
    environment: Mapping[str, str],
) -> Process:
    own = sibling(sock)
    sockets.append(own)
    return start_worker(own.fileno(), environment)


def _close(sockets: list[socket.socket]) -> None:
    while sockets:
        sockets.pop().close()


def _forward_sighup(supervisor: Supervisor) -> None:
    def forward(_signal: int, _frame: FrameType | None) -> None:
        for process in supervisor.processes.values():
            process.send_signal(signal.SIGHUP)

    signal.signal(signal.SIGHUP, forward)


def _environment(name: str, number: int) -> Mapping[str, str]:
    """The variables of one worker: its admin port follows that of the one before; the first decides gRPC."""
    if name != GATEWAY:
        return {}
    from frontispiece.gateway.admin import AdminSettings  # noqa: PLC0415 (other apps do without the gateway)

    address = AdminSettings().address
    ports = {"GATEWAY_ADMIN": f"{address[0]}:{address[1] + number}"} if address else {}
    return ports | ({"GATEWAY_GRPC_FOLDER": "off"} if number else {})
