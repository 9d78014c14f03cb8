"""Instances of services in a run: `front scale` writes how many, the run starts and stops them."""

import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final, Self

import msgspec

from frontispiece.cli.run.data_folder import LOGS, write_whole
from frontispiece.cli.run.environment import Run
from frontispiece.cli.run.process_layouts import start_command
from frontispiece.server import GATEWAY, child_process
from frontispiece.server.child_process import Process
from frontispiece.server.sockets import address, bound
from frontispiece.server.supervisor import Supervisor

FILE: Final = "scale.json"
"""The file in the data folder with the number of instances of services, by name, where it is not one."""

DRAIN_DELAY: Final = "1"
"""Seconds that an instance which stops still accepts calls: others go on calling its service."""


def scale(data: Path, instances: Mapping[str, int]) -> None:
    """Have the run that has a data folder start or stop instances of these services."""
    file = data / FILE
    write_whole(file, {**_read(file), **instances})


def _read(file: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return {}


class Instances:
    """The further instances of services, each a process on a port of its own; `poll` starts and stops them.

    Args:
        supervisor: starts instances again that end by themselves, each on a new port: the registry tells it.
    """

    def __init__(self, run: Run, supervisor: Supervisor) -> None:
        self._run = run
        self._supervisor = supervisor
        self._file = run.data / FILE
        self._file.unlink(missing_ok=True)
        self._version: int | None = None
        self._running: dict[str, dict[str, AbstractContextManager[None]]] = {}
        """The instances by service and name of the process."""
        self._stopping: dict[str, AbstractContextManager[None]] = {}
        self._numbers = count(2)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        instances = self._stopping | {
            name: each for of in self._running.values() for name, each in of.items()
        }
        self._supervisor.terminate(instances)  # all at once; each block then waits for its own
        for instance in instances.values():
            instance.__exit__(None, None, None)
        self._file.unlink(missing_ok=True)

    def poll(self) -> None:
        """Do what `front scale` has asked for, and clear away what has stopped."""
        for name in [name for name in self._stopping if name not in self._supervisor.processes]:
            self._stopping.pop(name).__exit__(None, None, None)
        version = self._file.stat().st_mtime_ns if self._file.exists() else None
        if version == self._version:
            return
        self._version = version
        for service, wanted in _read(self._file).items():
            instances = self._running.setdefault(service, {})
            while len(instances) < wanted - 1:
                self._start_one(service)
            while len(instances) > wanted - 1:
                self._retire(*instances.popitem())

    def renew(self, services: Iterable[str]) -> None:
        """Replace the instances of services by new ones, which run the code as it is now."""
        for service in services:
            instances = self._running.get(service, {})
            for name in [*instances]:
                self._start_one(service)
                self._retire(name, instances.pop(name))

    def _start_one(self, service: str) -> None:
        name = f"{service}-{next(self._numbers)}"
        log = self._run.data / LOGS / f"{name}.log"
        instance = self._supervisor.running(name, partial(self._start, service, name, log), log=log)
        instance.__enter__()
        self._running.setdefault(service, {})[name] = instance

    def _retire(self, name: str, instance: AbstractContextManager[None]) -> None:
        self._supervisor.retire(name)
        self._stopping[name] = instance

    def _start(self, service: str, name: str, log: Path) -> Process:
        drained = {"REGISTRY_DRAIN_DELAY": DRAIN_DELAY}
        with bound() as sock:  # the instance's alone: nobody connects to it in vain when it has ended
            run = self._run.of_instance(service, name, address(sock))
            if service != GATEWAY and run.project.apps[service].command:
                sock.close()  # for the program, which binds the port itself
                return start_command(run, service, log, **drained)
            folder = str(run.project.folder)
            arguments = ["serve", service, "--project", folder, "--fd", str(sock.fileno())]
            return child_process.start(
                [sys.executable, "-m", "frontispiece.cli", *arguments],
                log=log,
                pass_fds=[sock.fileno()],
                environment={**run.environment(service), **drained},
                base=run.given,
            )
