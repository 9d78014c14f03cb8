"""A whole project on one machine, from an empty folder to a gateway that is ready."""

import asyncio
import fcntl
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import httpx

from frontispiece.cli.project import Project
from frontispiece.cli.run import secrets
from frontispiece.cli.run.admin_port import AdminPort, admin_port
from frontispiece.cli.run.embedded import running_servers
from frontispiece.cli.run.environment import Run
from frontispiece.cli.run.process_layouts import child_processes, many_processes, one_process
from frontispiece.errors import ConfigError
from frontispiece.server import GATEWAY, server
from frontispiece.server.signals import STOP_SIGNALS, stoppable
from frontispiece.server.sockets import address, bound
from frontispiece.server.supervisor import Supervisor

log = logging.getLogger(__name__)

LOGS = "logs"
SPACE = 1 << 20
"""Bytes that the data folder has room for at the start."""

READY_TIMEOUT = 120.0
WARN_AFTER = 10.0
"""Seconds after which a start says what it waits for."""

POLL_INTERVAL = 0.2
"""Seconds between two checks that all child processes run."""

Ready = Callable[[str, AdminPort | None], None]
"""Called once with the public URL and the admin port, when everything is ready."""


Probe = Callable[[], Awaitable[str | None]]
"""Returns why an app is not ready, and None when it is."""


class InUse(Exception):
    """Another run has the data folder."""


class NotReady(Exception):
    """The project was not ready in time; the message says what was missing."""


@dataclass(frozen=True, kw_only=True)
class Up:
    """What `front up` runs: on which ports, with which data and routes, and in how many processes.

    The admin port is there when `admin` is true: see `run.admin_port` for which one.
    The supervisor starts programs that end again, and knows their processes.
    """

    project: Project
    port: int
    data: Path
    routes: Path
    processes: bool
    admin: bool = True
    admin_port: int | None = None
    supervisor: Supervisor = field(default_factory=Supervisor)

    def run(self, ready: Ready) -> None:
        """Run until SIGINT or SIGTERM.

        Raises:
            ConfigError: settings, the route table or pages have errors.
            InUse: another run has the data.
            PortTaken: the port is not free.
            ChildFailed: a program ended before all were ready; one that ends later is started again.
            NotReady: an app was not ready in time.
            MissingExtra: `${valkey}` or `${nats}` needs the extra `embedded`.
        """
        with ExitStack() as stack:
            os.environ.pop("OTEL_SERVICE_NAME", None)  # one name for many apps: each has its own
            lock = stack.enter_context(_locked(self.data))
            sockets = {name: stack.enter_context(bound(port)) for name, port in self._listening()}
            commands = [name for name, app in self.project.apps.items() if app.command]
            supervisor = self.supervisor
            embedded = stack.enter_context(running_servers(self.project, self.data, lock, supervisor))
            secret = secrets.load(self.project, self.data)
            admin = admin_port(self.project, self.data, self.admin_port, secret, enabled=self.admin)
            run = Run(
                project=self.project,
                data=self.data,
                private=Path(stack.enter_context(TemporaryDirectory(prefix="front-"))),
                hosts={name: address(sock) for name, sock in sockets.items()}
                | {name: _free_address() for name in commands},
                valkey=embedded.valkey,
                nats=embedded.nats,
                nats_monitor=embedded.nats_monitor,
                secrets=secret,
                routes=self.routes,
                given=dict(os.environ),
                admin=stack.enter_context(admin),
            )
            _log_warnings()
            if not self.processes:
                os.environ.update(run.process_environment(GATEWAY))
            logs = self.data / LOGS
            stack.enter_context(stoppable())
            stack.enter_context(child_processes(run, supervisor, commands, logs))
            if self.processes:
                stack.enter_context(many_processes(run, supervisor, sockets, logs))
                _watch(run, sockets, supervisor, ready)
            else:
                server.run(_run_here(run, sockets, supervisor, ready))

    def _listening(self) -> Iterator[tuple[str, int]]:
        """The apps that listen in this layout on a socket of ours, with their ports."""
        yield GATEWAY, self.port
        for name, app in self.project.apps.items():
            if app.factory and (self.processes or not app.mounted):
                yield name, 0


def _log_warnings() -> None:
    """Write warnings to stderr; the console gets what is below, too."""
    stderr = logging.StreamHandler()
    stderr.setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", handlers=[stderr])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its line for each call has paths, maybe private


def _watch(run: Run, sockets: Mapping[str, socket.socket], supervisor: Supervisor, ready: Ready) -> None:
    asyncio.run(wait_ready(run, supervisor.check, sockets))
    ready(_url(run), run.admin)
    while True:
        supervisor.restart()
        time.sleep(POLL_INTERVAL)


async def _run_here(
    run: Run, sockets: dict[str, socket.socket], supervisor: Supervisor, ready: Ready
) -> None:
    """Serve until a signal, which also ends a start that is under way."""
    loop = asyncio.get_running_loop()
    serving = loop.create_task(_serve_here(run, sockets, supervisor, ready))

    def stop() -> None:
        for name in STOP_SIGNALS:
            loop.add_signal_handler(name, lambda: None)  # later ones are ignored while it cleans up
        serving.cancel()

    for name in STOP_SIGNALS:
        loop.add_signal_handler(name, stop)
    with suppress(asyncio.CancelledError):
        await serving


async def _serve_here(
    run: Run, sockets: dict[str, socket.socket], supervisor: Supervisor, ready: Ready
) -> None:
    async with one_process(run, sockets):
        await wait_ready(run, supervisor.check)
        server.freeze_gc()
        ready(_url(run), run.admin)
        while True:
            supervisor.restart()
            await asyncio.sleep(POLL_INTERVAL)


def _url(run: Run) -> str:
    return f"http://{run.hosts[GATEWAY]}"


def _free_address() -> str:
    """An address that is free now, for a program that binds its port itself."""
    with bound() as sock:
        return address(sock)


async def wait_ready(
    run: Run, check: Callable[[], None], sockets: Mapping[str, socket.socket] = MappingProxyType({})
) -> None:
    """Return when every app is ready.

    Args:
        run: whose apps.
        check: called again and again until then.
        sockets: those that apps in processes of their own listen on once they have started.

    Raises:
        ChildFailed: `check` found that a child process ended.
        NotReady: an app was not ready in time.
    """
    begun, warned = time.monotonic(), False
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:  # no proxy leads to this machine
        for reason in (*(_listens(name, sock) for name, sock in sockets.items()), *_probes(run, http)):
            while (missing := await reason()) is not None:
                check()
                waited = time.monotonic() - begun
                if waited > READY_TIMEOUT:
                    raise NotReady(missing)
                if waited > WARN_AFTER and not warned:
                    log.warning("still waiting, for %g s at most: %s", READY_TIMEOUT, missing)
                    warned = True
                await asyncio.sleep(0.05)


def _probes(run: Run, http: httpx.AsyncClient) -> Iterator[Probe]:
    """Functions that return why an app is not ready, and None when it is."""
    for name, app in run.project.apps.items():
        if app.health and name in run.hosts:
            yield _probe(
                http, name, f"http://{run.hosts[name]}{app.health}", lambda status: status == httpx.codes.OK
            )
        elif app.command:
            yield _accepts(name, run.hosts[name])
    for path in ("/health/ready", *run.project.gateway.ready):
        yield _probe(http, GATEWAY, _url(run) + path, lambda status: not httpx.codes.is_server_error(status))


def _probe(http: httpx.AsyncClient, name: str, url: str, is_ready: Callable[[int], bool]) -> Probe:
    async def reason() -> str | None:
        try:
            response = await http.get(url)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            return f"{name} gives no answer: {error}"
        if is_ready(response.status_code):
            return None
        return f"{name} is not ready: {url} answers {response.status_code}: {response.text[:500]}"

    return reason


def _listens(name: str, sock: socket.socket) -> Probe:
    async def reason() -> str | None:
        listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        return None if listens else f"{name} has not started"

    return reason


def _accepts(name: str, where: str) -> Probe:
    host, _, port = where.rpartition(":")

    async def reason() -> str | None:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError as error:
            return f"{name} does not listen on {where}: {error}"
        writer.close()
        return None

    return reason


@contextmanager
def _locked(data: Path) -> Iterator[int]:
    """Lock the data folder, made when missing; gives the lock's descriptor, which children may inherit.

    Raises:
        ConfigError: the folder cannot be made or written, or has no space.
        InUse: another run, or a child that it left behind, holds the lock.
    """
    try:
        (data / LOGS).mkdir(parents=True, exist_ok=True)
        _check_space(data / "space")
        descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise ConfigError([f"{data} cannot be the data folder: {error.strerror}{where}"]) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"{data} is in use by another run: stop that one, or choose another folder") from None
        yield descriptor
    finally:
        os.close(descriptor)


def _check_space(file: Path) -> None:
    """Write a file and remove it: a disk without space would end one program after the other."""
    try:
        file.write_bytes(bytes(SPACE))
    finally:
        file.unlink(missing_ok=True)
