"""The whole shop on one machine, from an empty folder to a gateway that is ready."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from subprocess import Popen
from tempfile import TemporaryDirectory

import httpx

from front import secrets, server
from front.child import ChildFailed
from front.data import locked
from front.layouts import many_processes, one_process
from front.roles import BFFS, GATEWAY, SERVICES
from front.setting import SESSION_PATH, environment
from front.sockets import LOOPBACK, address, bound
from front.stopping import STOPPING, stoppable
from front.valkey import running_valkey

READY_WITHIN = 30.0

Ready = Callable[[str], None]
"""Called once with the public URL, when everything is ready."""


class NotReady(Exception):
    """The shop did not get ready in time; the message says what was missing."""


@dataclass(frozen=True, kw_only=True)
class Shop:
    """What to run: on which ports, with which data and routes, and in how many processes."""

    port: int
    data: Path
    routes: Path
    processes: bool
    admin_port: int | None = None

    def up(self, ready: Ready) -> None:
        """Run until SIGINT or SIGTERM.

        Raises:
            InUse: another run has the data.
            PortTaken: the port is not free.
            ChildFailed: a process of the shop ended.
            NotReady: some part gave no answer in time.
        """
        with ExitStack() as stack:
            lock = stack.enter_context(locked(self.data))
            sockets = self._sockets(stack)
            private = stack.enter_context(TemporaryDirectory(prefix="front-"))
            valkey_url = os.environ.get("BASKET_VALKEY_URL") or stack.enter_context(
                running_valkey(self.data / "valkey", pass_fds=[lock])
            )
            http = {role: address(sock) for role, sock in sockets.items()}
            os.environ.update(
                environment(
                    data=self.data,
                    secrets=secrets.kept(self.data),
                    http=http,
                    grpc=f"unix:{private}/discount.sock",
                    valkey_url=valkey_url,
                    routes=self.routes,
                    mounted=not self.processes,
                )
            )
            os.environ.pop("OTEL_SERVICE_NAME", None)  # of many roles: each goes by its own
            if self.admin_port is not None:
                os.environ["GATEWAY_ADMIN"] = f"{LOOPBACK}:{self.admin_port}"
            url = f"http://{http[GATEWAY]}"
            if self.processes:
                self._run_processes(sockets, url, ready)
            else:
                logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
                server.run(_run_here(sockets, url, ready))

    def _sockets(self, stack: ExitStack) -> dict[str, socket]:
        """The gateway's socket, and one for each role that listens in this layout."""
        roles = [*SERVICES, *BFFS] if self.processes else [*SERVICES]
        sockets = {GATEWAY: stack.enter_context(bound(self.port))}
        return sockets | {role: stack.enter_context(bound()) for role in roles}

    def _run_processes(self, sockets: Mapping[str, socket], url: str, ready: Ready) -> None:
        logs = self.data / "logs"
        with stoppable(), many_processes(sockets, logs) as running:
            deadline = time.monotonic() + READY_WITHIN
            while not (answer := _readiness(url)).startswith("ready"):
                _check(running, logs)
                if time.monotonic() > deadline:
                    raise NotReady(answer)
                time.sleep(0.05)
            ready(url)
            while True:
                _check(running, logs)
                time.sleep(0.5)


async def _run_here(sockets: Mapping[str, socket], url: str, ready: Ready) -> None:
    stopped = asyncio.Event()
    for name in STOPPING:
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    async with one_process(sockets):
        answer = await asyncio.to_thread(_readiness, url)
        if not answer.startswith("ready"):
            raise NotReady(answer)
        server.keep_what_is_loaded()
        ready(url)
        await stopped.wait()


def _readiness(url: str) -> str:
    """`ready`, or what keeps the shop from being it: a service, or that nobody can log in yet."""
    for path in ("/health/ready", f"{SESSION_PATH}/login"):
        try:
            answer = httpx.get(url + path, timeout=5)
        except httpx.TransportError as fault:
            return f"The gateway gives no answer: {fault}"
        if answer.is_server_error:
            return str(answer.json().get("detail"))
    return "ready"


def _check(running: Mapping[str, Popen[bytes]], logs: Path) -> None:
    for role, process in running.items():
        if (status := process.poll()) is not None:
            raise ChildFailed(f"{role} ended with status {status}", logs / f"{role}.log")
