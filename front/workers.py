"""One role in several processes: a core each, and one socket for all."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from socket import socket
from subprocess import Popen

from front import child
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

    Raises:
        Faulty: the admin port's setting cannot work.
        WorkerEnded: one of them ended.
    """
    with stoppable(), _running(role, sock, workers) as running:
        while True:
            for number, process in running.items():
                if (status := process.poll()) is not None:
                    how = f"worker {number} of {role} (process {process.pid}) ended with status {status}"
                    raise WorkerEnded(f"{how}: the others were stopped.")
            time.sleep(LOOK_EVERY)


@contextmanager
def _running(role: str, sock: socket, workers: int) -> Iterator[Mapping[int, Popen[bytes]]]:
    command = [sys.executable, "-m", "front", "serve", role, "--fd", str(sock.fileno())]
    with ExitStack() as stack:
        processes = {
            number: stack.enter_context(
                child.running(command, pass_fds=[sock.fileno()], environment=_variables(role, number))
            )
            for number in range(1, workers + 1)
        }
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
