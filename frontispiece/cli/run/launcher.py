"""Processes that run `front serve NAME`."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from socket import socket
from types import MappingProxyType
from typing import Final

from frontispiece.cli.main import main
from frontispiece.cli.project import Project
from frontispiece.server import child_process, forking
from frontispiece.server.child_process import Process

EVERY_APP: Final = ("frontispiece.cli.run.serve", "uvloop", "httpcore", "anyio._backends._asyncio")
"""What a process that serves an app imports as well, if it is installed, some of it at the first use."""


class Launcher:
    """Starts apps of a project, each in a process of its own.

    Where this process can be forked, it imports what they need once for all of them.

    Args:
        project: the project.
        names: of the apps that it can start; each has a factory.
    """

    def __init__(self, project: Project, names: Iterable[str]) -> None:
        self._project = project
        modules = [project.factories[name].partition(":")[0] for name in names]
        self._template = forking.Template([*EVERY_APP, *modules]) if forking.is_safe() else None

    def start(
        self,
        name: str,
        descriptor: int,
        *options: str,
        admin_sock: socket | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
        log: Path | None = None,
    ) -> Process:
        """Start an app on a bound socket; see `child_process.start` for the environment and the log."""
        arguments = ["serve", name, "--project", str(self._project.folder), "--fd", str(descriptor), *options]
        descriptors = [descriptor]
        if admin_sock is not None:
            descriptors.append(admin_sock.fileno())
            arguments += ["--admin-fd", str(admin_sock.fileno())]
        if self._template is not None and forking.is_safe():  # a module may have started a thread
            return self._template.start(
                partial(_front, arguments),
                name=name,
                log=log,
                pass_fds=descriptors,
                environment=environment,
            )
        return child_process.start(
            [sys.executable, "-m", "frontispiece.cli", *arguments],
            log=log,
            pass_fds=descriptors,
            environment=environment,
        )


def _front(arguments: Sequence[str]) -> None:
    sys.argv[1:] = arguments
    main()
