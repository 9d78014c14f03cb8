"""The two process layouts of `front up`; they differ in URLs and processes, not in code."""

import shutil
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any

from frontispiece.cli.project import PLACEHOLDER, Project, fill
from frontispiece.cli.run.environment import Run, variables
from frontispiece.cli.run.launcher import Launcher
from frontispiece.errors import ConfigError
from frontispiece.factories import create
from frontispiece.server import GATEWAY, child_process
from frontispiece.server.child_process import Process
from frontispiece.server.listen import listeners, stop_timeout
from frontispiece.server.server import Listening, running
from frontispiece.server.supervisor import Supervisor


@asynccontextmanager
async def one_process(run: Run, sockets: Mapping[str, socket]) -> AsyncIterator[None]:
    """Every app with a factory on this event loop, each on its own socket; mounted ones are the gateway's.

    All are made before the first starts, which takes longer: errors in settings and the table are found soon.
    The gateway's variables stay set, for it makes mounted apps anew at each reload; those of other apps are
    set while their factories run. The admin port opens first and closes last: it receives what others log.
    """
    admin_sock = run.admin.sock if run.admin else None
    made: dict[str, list[Listening]] = {}
    for name in sorted(run.project.factories.keys() & sockets.keys(), key=GATEWAY.__eq__):
        with variables(run.environment(name)):
            app = create(run.project.factories[name])
            made[name] = listeners(name, app, sockets[name], admin_sock=admin_sock)
    public, *beside = made.pop(GATEWAY)
    waves = beside, [server for servers in made.values() for server in servers], [public]
    async with AsyncExitStack() as stack:
        for servers in waves:
            await stack.enter_async_context(running(servers))
        yield


@contextmanager
def child_processes(
    run: Run, supervisor: Supervisor, names: Collection[str], logs: Path | None
) -> Iterator[None]:
    """These apps with a command, a process each; without a folder for logs they print where this does."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(_command(run, supervisor, name, logs))
        stack.callback(supervisor.terminate, names)  # all at once; each block then waits for its own
        yield


@contextmanager
def many_processes(
    run: Run,
    supervisor: Supervisor,
    sockets: Mapping[str, socket],
    logs: Path | None,
    launcher: Launcher,
) -> Iterator[None]:
    """A process for each app with a factory; the gateway stops first, so no request loses its service."""
    behind = [name for name in sockets if name != GATEWAY]
    with ExitStack() as stack:
        for name in behind:
            stack.enter_context(_factory(run, supervisor, launcher, name, sockets[name], logs))
        stack.callback(supervisor.terminate, behind)
        stack.enter_context(_factory(run, supervisor, launcher, GATEWAY, sockets[GATEWAY], logs))
        stack.callback(
            sockets[GATEWAY].close
        )  # an open instance would accept connections that the gateway refuses
        yield


def program(project: Project, name: str, values: Mapping[str, str]) -> list[str]:
    """An app's command with its program found, relative to its folder or on PATH.

    Raises:
        ConfigError: there is no such program, no such folder, or a placeholder has no value.
    """
    app = project.apps[name]
    place = f"apps.{name}"
    command = app.command or ()
    unknown = {found for text in command for found in PLACEHOLDER.findall(text)} - values.keys()
    if unknown:
        names = ", ".join(f"${{{found}}}" for found in sorted(unknown))
        raise ConfigError([f"{place}.command: {names} has a value only under front up"])
    first, *arguments = (fill(text, values) for text in command)
    folder = project.folder / app.folder
    if not folder.is_dir():
        raise ConfigError([f"{place}.folder: there is no folder {folder}: it is relative to the project's"])
    if (path := shutil.which(first) or shutil.which(folder / first)) is None:
        raise ConfigError(
            [f"{place}.command: there is no program {first}, neither on PATH nor in {folder}: install it"]
        )
    return [path, *arguments]


def start_command(run: Run, name: str, log: Path | None, **variables: str) -> Process:
    """Start an app with a command; with a registry, beside a process that registers it.

    Raises:
        ConfigError: see `program`.
    """
    environment = {**run.environment(name), **variables}
    command = program(run.project, name, run.values(name))
    folder = run.project.folder / run.project.apps[name].folder
    is_registered = environment.get("REGISTRY_URL", "off") not in {"", "off"}
    if is_registered:
        from frontispiece.cli.run import registering  # noqa: PLC0415 (an extra)

        command = registering.command(
            registering.Program(
                name=name,
                command=command,
                folder=str(folder),
                where=run.hosts[name],
                addresses=run.addresses_of(name),
            )
        )
    return child_process.start(
        command,
        log=log,
        environment=environment,
        base=run.given,  # this process may have the gateway's keys
        folder=None if is_registered else folder,
        foreign=not is_registered,
    )


def _command(run: Run, supervisor: Supervisor, name: str, logs: Path | None) -> AbstractContextManager[None]:
    log = logs / f"{name}.log" if logs else None
    return supervisor.running(name, partial(start_command, run, name, log), log=log)


def start_factory(
    run: Run, launcher: Launcher, name: str, sock: socket, *options: str, **start: Any
) -> Process:
    """Start an app with a factory on its socket; see `Launcher.start`."""
    return launcher.start(
        name,
        sock.fileno(),
        *options,
        admin_sock=run.admin.sock if run.admin and name == GATEWAY else None,
        environment=run.environment(name),
        **start,
    )


def _factory(
    run: Run, supervisor: Supervisor, launcher: Launcher, name: str, sock: socket, logs: Path | None
) -> AbstractContextManager[None]:
    with variables(run.environment(name)):
        timeout = stop_timeout(name)
    log = logs / f"{name}.log" if logs else None
    start = partial(start_factory, run, launcher, name, sock, log=log)
    return supervisor.running(name, start, log=log, sock=sock, stop_timeout=timeout)
