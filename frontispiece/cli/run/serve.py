"""One app of a project, set up by the environment: what production runs."""

import os
import sys
from collections.abc import Callable, Mapping
from socket import socket
from typing import NoReturn

from frontispiece.cli.project import Project
from frontispiece.cli.run import secrets
from frontispiece.cli.run.launcher import Launcher
from frontispiece.cli.run.process_layouts import program
from frontispiece.errors import ConfigError
from frontispiece.factories import create
from frontispiece.server import GATEWAY, server
from frontispiece.server.child_process import Process
from frontispiece.server.handover import await_turn
from frontispiece.server.listen import listeners
from frontispiece.server.workers import serve as serve_workers
from frontispiece.settings import RegistrySettings


def serve(
    project: Project,
    name: str,
    listen: Callable[[], socket],
    *,
    host: str,
    port: int,
    workers: int,
    admin_sock: socket | None = None,
    successor: int | None = None,
) -> None:
    """Run an app until SIGINT or SIGTERM.

    `listen` gives the bound socket. An app by command binds `host` and `port` itself; others reach it there,
    or by the address towards the registry where the host is 0.0.0.0. `admin_sock` is bound already where
    there is a parent. `successor` is the descriptor of a `handover.Successor` when it replaces another
    process.

    Raises:
        ConfigError: there is no such app, its settings are invalid, or a secret is missing.
        NotStarted: the app could not start.
        PortTaken: the port is not free.
        ChildFailed: one of several workers ended before any of them served.
    """
    os.umask(0o077)
    if name not in project.programs:
        raise ConfigError([f"There is no app {name}: it is one of {', '.join(project.programs)}."])
    mountable = [app for app, about in project.apps.items() if about.mounted]
    if workers > 1 and name not in {GATEWAY, *mountable}:
        only = ", ".join([GATEWAY, *mountable])
        raise ConfigError([f"{name} has no workers: only the gateway and mounted apps have ({only})."])
    secrets.require(project, name)
    if name in project.apps and project.apps[name].command:
        _run_command(project, name, host, port)
    os.environ.setdefault("GATEWAY_ROUTES", str(project.routes))
    if project.layers:
        os.environ.setdefault("GATEWAY_LAYERS", str(project.layers))
    sock = listen()
    if workers > 1:
        launcher = Launcher(project, [name])

        def start(descriptor: int, environment: Mapping[str, str]) -> Process:
            return launcher.start(name, descriptor, environment=environment)

        serve_workers(name, start, sock, workers)
    else:
        made = create(project.factories[name])
        if successor is not None:
            await_turn(successor)
        public, *beside = listeners(name, made, sock, admin_sock=admin_sock)
        server.serve(public, beside)


def _run_command(project: Project, name: str, host: str, port: int) -> NoReturn:
    """Become the program of an app by command; with a registry, run it and register it."""
    os.environ |= {"HOST": host, "PORT": str(port)}
    command = program(project, name, {"port": str(port), "project": str(project.folder)})
    folder = project.folder / project.apps[name].folder
    if (settings := RegistrySettings()).url:
        from frontispiece.cli.run import registering  # noqa: PLC0415 (an extra)
        from frontispiece.registry import reachable  # noqa: PLC0415 (the same)

        registered = registering.Program(
            name=name,
            command=command,
            folder=str(folder),
            where=f"{host}:{port}",  # 0.0.0.0 is this machine to who connects
            address=f"http://{reachable(settings.url, host, port)}",
        )
        sys.exit(registering.run(registered))
    os.chdir(folder)
    os.execv(command[0], command)  # noqa: S606 (a program without a shell is the point)
