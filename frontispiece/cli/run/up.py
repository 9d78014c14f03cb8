"""A whole project on one machine, from an empty folder to a gateway that is ready."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from frontispiece.cli.project import Project
from frontispiece.cli.run import secrets
from frontispiece.cli.run.admin_port import AdminPort, admin_port
from frontispiece.cli.run.data_folder import LOGS, RunAddresses, announced, locked
from frontispiece.cli.run.dev import Development
from frontispiece.cli.run.environment import Run, needs
from frontispiece.cli.run.envoy import native_grpc
from frontispiece.cli.run.launcher import Launcher
from frontispiece.cli.run.process_layouts import child_processes, many_processes, one_process
from frontispiece.cli.run.readiness import wait_ready
from frontispiece.cli.run.scaling import Instances
from frontispiece.cli.terminal import log_warnings
from frontispiece.errors import ConfigError
from frontispiece.server import GATEWAY, server
from frontispiece.server.signals import STOP_SIGNALS, stoppable
from frontispiece.server.sockets import address, bound, short_folder
from frontispiece.server.supervisor import Supervisor

log = logging.getLogger(__name__)

POLL_INTERVAL = 0.2
"""Seconds between two checks that all child processes run."""

Ready = Callable[[Run], None]
"""Called once, when everything is ready."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedded:
    """URLs of the servers that run; empty for those that nothing needs."""

    valkey: str = ""
    nats: str = ""
    nats_monitor: str = ""

    def check(self, project: Project) -> None:
        """Check that what a project needs, maybe only since its file has changed, runs.

        Raises:
            ConfigError: it does not.
        """
        for name, url in (("valkey", self.valkey), ("nats", self.nats)):
            if not url and needs(project, name):
                raise ConfigError([f"${{{name}}} is needed only now: stop front dev and start it again"])


@contextmanager
def running_servers(project: Project, data: Path, lock: int, supervisor: Supervisor) -> Iterator[Embedded]:
    """The embedded servers for the duration of the block.

    Raises:
        ChildFailed: one did not start.
        MissingExtra: the extra `embedded` is not installed.
    """
    found: dict[str, str] = {}
    with ExitStack() as stack:
        if needs(project, "nats"):
            from frontispiece.cli.run.nats import running_nats  # noqa: PLC0415 (an extra)

            nats = stack.enter_context(running_nats(data / "nats", pass_fds=[lock], supervisor=supervisor))
            found |= {"nats": nats.url, "nats_monitor": nats.monitor_url}
        if needs(project, "valkey"):
            from frontispiece.cli.run.valkey import running_valkey  # noqa: PLC0415 (an extra)

            found["valkey"] = stack.enter_context(
                running_valkey(data / "valkey", pass_fds=[lock], supervisor=supervisor)
            )
        yield Embedded(**found)


@dataclass(frozen=True, kw_only=True)
class Up:
    """A run of `front up`: its ports, data and route table, and whether apps have processes of their own.

    The admin port is there when `admin` is true: see `run.admin_port` for which one.
    The supervisor starts programs that end again, and knows their processes. With `say`, which prints a line,
    code that is saved is served: `front dev`.
    """

    project: Project
    port: int
    data: Path
    routes: Path
    processes: bool
    admin: bool = True
    admin_port: int | None = None
    supervisor: Supervisor = field(default_factory=Supervisor)
    say: Callable[[str], None] | None = None

    def run(self, ready: Ready) -> None:
        """Run until SIGINT or SIGTERM.

        Raises:
            ConfigError: settings, the route table or pages have errors.
            UserError: another run has the data, or an app was not ready in time.
            PortTaken: the port is not free.
            ChildFailed: a program ended before all were ready; one that ends later is started again.
            MissingExtra: `${valkey}` or `${nats}` needs the extra `embedded`.
        """

        def started(run: Run) -> None:
            server.freeze_gc()
            ready(run)

        os.umask(0o077)  # what apps write in this process is this user's alone, as in one of their own
        with ExitStack() as stack:
            os.environ.pop("OTEL_SERVICE_NAME", None)  # one name for many apps: each has its own
            lock = stack.enter_context(locked(self.data))
            sockets = {name: stack.enter_context(bound(port)) for name, port in self._listening()}
            supervisor = self.supervisor
            embedded = stack.enter_context(running_servers(self.project, self.data, lock, supervisor))
            secret = secrets.load(self.project, self.data)
            admin = stack.enter_context(admin_port(self.project, self.admin_port, secret, enabled=self.admin))
            where = RunAddresses(url=f"http://{address(sockets[GATEWAY])}", admin=admin.address)
            stack.enter_context(announced(self.data, where))
            private = Path(stack.enter_context(TemporaryDirectory(prefix="front-", dir=short_folder())))
            given = dict(os.environ)

            log_warnings(*(["front dev"] if self.say else []))
            grpc = stack.enter_context(
                native_grpc(self.project, self.port, private, self.data / LOGS, supervisor, [lock])
            )

            prepare = partial(self._run, embedded, admin, private, grpc, given)
            run = prepare(self.project, sockets)
            stack.enter_context(stoppable())
            if self.say:
                Development(
                    data=self.data,
                    routes=self.routes,
                    public=sockets[GATEWAY],
                    supervisor=supervisor,
                    prepare=prepare,
                    say=self.say,
                ).run(self.project, partial(started, run))
            else:
                self._serve(run, sockets, started, stack)

    def _run(
        self,
        embedded: Embedded,
        admin: AdminPort,
        private: Path,
        grpc: str,
        given: Mapping[str, str],
        project: Project,
        sockets: Mapping[str, socket.socket],
    ) -> Run:
        """The run of a project as it is now; see `Run`."""
        embedded.check(project)
        commands = [name for name, app in project.apps.items() if app.command]
        return Run(
            project=project,
            data=self.data,
            private=private,
            hosts={name: address(sock) for name, sock in sockets.items()}
            | {name: _free_address() for name in commands},
            valkey=embedded.valkey,
            nats=embedded.nats,
            nats_monitor=embedded.nats_monitor,
            secrets=secrets.load(project, self.data),
            routes=self.routes,
            given=given,
            admin=admin,
            grpc=grpc,
        )

    def _serve(self, run: Run, sockets: dict[str, socket.socket], ready: Ready, stack: ExitStack) -> None:
        if not self.processes:
            os.environ.update(run.process_environment(GATEWAY))
        logs = self.data / LOGS
        commands = [name for name, app in self.project.apps.items() if app.command]
        stack.enter_context(child_processes(run, self.supervisor, commands, logs))
        instances = stack.enter_context(Instances(run, self.supervisor))
        if self.processes:
            launcher = Launcher(run.project, sockets)
            stack.enter_context(many_processes(run, self.supervisor, sockets, logs, launcher))
            _watch(run, sockets, self.supervisor, ready, instances)
        else:
            server.run(_run_here(run, sockets, self.supervisor, ready, instances))

    def _listening(self) -> Iterator[tuple[str, int]]:
        """The apps that listen in this layout on a socket of ours, with their ports."""
        yield GATEWAY, self.port
        for name, app in self.project.apps.items():
            if not self.say and app.factory and (self.processes or not app.mounted):
                yield name, 0


def _watch(
    run: Run, sockets: Mapping[str, socket.socket], supervisor: Supervisor, ready: Ready, instances: Instances
) -> None:
    asyncio.run(wait_ready(run, supervisor.check, sockets))
    ready(run)
    while True:
        supervisor.restart()
        instances.poll()
        time.sleep(POLL_INTERVAL)


async def _run_here(
    run: Run, sockets: dict[str, socket.socket], supervisor: Supervisor, ready: Ready, instances: Instances
) -> None:
    """Serve until a signal, which also ends a start that is under way."""
    loop = asyncio.get_running_loop()
    serving = loop.create_task(_serve_here(run, sockets, supervisor, ready, instances))

    def stop() -> None:
        for name in STOP_SIGNALS:
            loop.add_signal_handler(name, lambda: None)  # later ones are ignored while it cleans up
        serving.cancel()

    for name in STOP_SIGNALS:
        loop.add_signal_handler(name, stop)
    with suppress(asyncio.CancelledError):
        await serving


async def _serve_here(
    run: Run, sockets: dict[str, socket.socket], supervisor: Supervisor, ready: Ready, instances: Instances
) -> None:
    async with one_process(run, sockets):
        await wait_ready(run, supervisor.check)
        ready(run)
        while True:
            supervisor.restart()
            instances.poll()
            await asyncio.sleep(POLL_INTERVAL)


def _free_address() -> str:
    """An address that is free now, for a program that binds its port itself."""
    with bound() as sock:
        return address(sock)
