"""Starts programs on a core of their own, and ends exactly those."""

import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import randrange

from frontispiece.server.child_process import ChildFailed, running
from frontispiece.server.sockets import PortTaken, bound

CANDIDATES, REST = 0, 1
"""The core of the measured programs, and the core of the upstream and the load."""

STARTUP = 60.0
"""Seconds that a program has until it listens."""

TICKS = os.sysconf("SC_CLK_TCK")


class Missing(Exception):
    """A tool is not on this machine; the message says how to install it."""


def tool(name: str, package: str) -> str:
    """The path of a program of the system.

    Raises:
        Missing: it is nowhere.
    """
    if found := shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        return found
    raise Missing(f"{name} is missing: apt-get install {package}")


def free_port() -> int:
    """A port on loopback that nobody listens on now, and that the system hands out to nobody by itself."""
    while True:
        port = randrange(10_000, 20_000)  # noqa: S311 (nothing is guarded by it)
        try:
            bound(port).close()
        except PortTaken:
            continue
        return port


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """The command, run on one core."""
    return [tool("taskset", "util-linux"), "--cpu-list", str(core), *command]


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """A program that listens.

    Args:
        command: what to run, by path.
        port: where it listens, on loopback.
        variables: added to the environment.
    """

    command: Sequence[str]
    port: int
    variables: Mapping[str, str]


@contextmanager
def listening(program: Program, *, core: int | None, log: Path) -> Iterator[int]:
    """The process id of the program, which listens and lasts as long as the block.

    Without a core it runs on all of them.

    Raises:
        ChildFailed: it did not come to listen.
    """
    command = program.command if core is None else pinned(core, program.command)
    with running(command, log=log, environment=program.variables) as process:
        until = time.monotonic() + STARTUP
        while not _listens(program.port):
            if process.poll() is not None or time.monotonic() > until:
                raise ChildFailed(f"{program.command[0]} does not listen", log)
            time.sleep(0.02)
        yield process.pid


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def tree(root: int) -> list[int]:
    """A process and all its descendants that run now."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        with suppress(OSError):  # it has ended meanwhile
            if folder.name.isdigit():
                parent = int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    pids = [root]
    for pid in pids:
        pids += children.get(pid, [])
    return pids


def tree_cpu_seconds(root: int) -> float:
    """Processor time that a process and all its descendants that run now have used until now."""
    return sum(map(cpu_seconds, tree(root)))


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used until now, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
