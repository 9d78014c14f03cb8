"""Processes that run `front serve NAME`."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
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
        names: of the apps that it can start; each has a factory.
        fresh: whether each process imports the project's own modules itself, as they are by then.
    """

    def __init__(self, project: Project, names: Iterable[str], *, fresh: bool = False) -> None:
        self._project = project
        self._fresh = fresh
        self._template: forking.Template | None = None
        if forking.is_safe():
            modules = [*EVERY_APP, *(project.factories[name].partition(":")[0] for name in names)]
            self._template = forking.Template(_foreign(project.folder, modules) if fresh else modules)

    def start(
        self,
        name: str,
        descriptor: int,
        *options: str,
        admin_sock: socket | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
        log: Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Process:
        """Start an app on a bound socket; see `child_process.start` for what follows the options."""
        arguments = ["serve", name, "--project", str(self._project.folder), "--fd", str(descriptor), *options]
        if self._fresh:
            arguments.append("--quiet")
        descriptors = [descriptor, *pass_fds]
        if admin_sock is not None:
            descriptors.append(admin_sock.fileno())
            arguments += ["--admin-fd", str(admin_sock.fileno())]
        if self._template is not None and forking.is_safe():  # a module may have started a thread
            return self._template.start(
                partial(_front, arguments, self._project.folder if self._fresh else None),
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


def _front(arguments: Sequence[str], fresh: Path | None) -> None:
    """Run the command line; a project's own modules that its commands have imported are forgotten before."""
    sys.argv[1:] = arguments
    for name in [name for name in sys.modules if fresh and is_own(name, fresh)]:
        del sys.modules[name]
    main()


def _foreign(folder: Path, modules: Sequence[str]) -> list[str]:
    """The modules that these import and that are not the project's: they change only with an installation.

    A fork imports them, so that this process has none of the project's.
    """
    with ExitStack() as stack:
        reader, writer = map(stack.enter_context, forking.pipe())

        def report() -> None:
            before = set(sys.modules)
            forking.import_all(modules)
            found = [name for name in sys.modules if name not in before and not is_own(name, folder)]
            writer.write("\n".join(found).encode())
            writer.flush()

        process = forking.Template(()).start(
            report, name="imports", log=None, pass_fds=[writer.fileno()], environment={}
        )
        writer.close()
        found = reader.read().decode().split()
        process.wait()
    return found


def is_own(name: str, folder: Path) -> bool:
    """Whether a module is the project's: in its folder, and not installed there."""
    if name == "__main__" or name.partition(".")[0] == "frontispiece":
        return False
    file = getattr(sys.modules[name], "__file__", None)
    return file is not None and Path(file).is_relative_to(folder) and "site-packages" not in file
