"""One role in several processes: a core each, and one socket for all."""

import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from socket import socket
from subprocess import Popen
from types import FrameType

from front import child
from front.listening import stops_within
from front.roles import BFFS, GATEWAY
from front.stopping import stoppable

CAN_BE_MANY = (GATEWAY, *BFFS)
"""The others make their tables and look for what has expired when they start: one process each."""

LOOK_EVERY = 0.2
"""Seconds between two looks whether all workers are there."""


class WorkerEnded(Exception):
    """A worker ended by itself; the message says which, and how."""


def serve(role: str, sock: socket, workers: int) -> None:
    """Run a role in so many processes until SIGINT or SIGTERM; none goes on when another has ended.

    Of a gateway's, each is sent every SIGHUP, at which it reads its table anew.

    Raises:
        Faulty: the admin port's setting cannot work.
        WorkerEnded: one of them ended.
    """
    if role == GATEWAY:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # workers begin so: one too early ends none
    with stoppable(), _running(role, sock, workers) as running:
        if role == GATEWAY:
            _pass_on_hangups(running.values())
        while True:
            for number, process in running.items():
                if (status := process.poll()) is not None:
                    how = f"worker {number} of {role} (process {process.pid}) ended with status {status}"
                    raise WorkerEnded(f"{how}: the others were stopped.")
            time.sleep(LOOK_EVERY)


def _pass_on_hangups(processes: Iterable[Popen[bytes]]) -> None:
    def hung_up(_signal: int, _frame: FrameType | None) -> None:
        for process in processes:
            process.send_signal(signal.SIGHUP)

    signal.signal(signal.SIGHUP, hung_up)


@contextmanager
def _running(role: str, sock: socket, workers: int) -> Iterator[Mapping[int, Popen[bytes]]]:
    command = [sys.executable, "-m", "front", "serve", role, "--fd", str(sock.fileno())]
    patience = stops_within(role)
    with ExitStack() as stack:
        processes = {
            number: stack.enter_context(
                child.running(
                    command,
                    pass_fds=[sock.fileno()],
                    environment=_variables(role, number),
                    stops_within=patience,
                )
            )
            for number in range(1, workers + 1)
        }
        sock.close()  # else nobody would be refused when all workers refuse: the connection would hang here
        try:
            yield processes
        finally:
            for process in processes.values():  # all at once; the stack then waits for each
                process.terminate()


def _variables(role: str, number: int) -> Mapping[str, str]:
    """What sets a worker apart: its admin port follows that of the worker before."""
    if role != GATEWAY:
        return {}
    from gateway.admin import AdminSettings  # noqa: PLC0415 (a process with a single role does without)

    address = AdminSettings().address
    return {"GATEWAY_ADMIN": f"{address[0]}:{address[1] + number - 1}"} if address else {}
