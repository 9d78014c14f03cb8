"""A program by command in the registry: from its first connection on, until it is to stop.

`python -m frontispiece.cli.run.registering PROGRAM`, in JSON, runs one for `front up`.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from typing import Final

import msgspec

from frontispiece.http.asgi import ADDRESSES
from frontispiece.registry import in_registry
from frontispiece.server import child_process
from frontispiece.server.signals import STOP_SIGNALS
from frontispiece.server.sockets import refusal_at
from frontispiece.settings import RegistrySettings

POLL_INTERVAL: Final = 0.1
"""Seconds between two checks of the program."""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A program that listens on a port which it binds itself.

    Args:
        command: the program, by path, and its arguments.
        where: `host:port` that it listens on.
        address: by which others reach it; `http://` and `where` when left out.
        addresses: further ones, by the names that the registry has for them.
    """

    name: str
    command: Sequence[str]
    folder: str
    where: str
    address: str = ""
    addresses: Mapping[str, str] = {}


def command(program: Program) -> list[str]:
    """The command line that runs a program and registers it."""
    return [sys.executable, "-m", __name__, msgspec.json.encode(program).decode()]


def run(program: Program) -> int:
    """Run a program until it ends, or SIGINT or SIGTERM stops it; returns its status."""
    process = child_process.start(program.command, folder=Path(program.folder), foreign=True)
    asyncio.run(_registered(program, process))
    child_process.terminate(process)
    status = process.wait()  # who has sent the signal decides how long it may take
    return status if status >= 0 else 128 - status


async def _registered(program: Program, process: "Popen[bytes]") -> None:
    """Have it in the registry from its first connection until it ends or is to stop, and for the drain."""
    settings, stopping, loop = RegistrySettings(), asyncio.Event(), asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping.set)

    async def runs() -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), POLL_INTERVAL)
        return process.poll() is None and not stopping.is_set()

    while await refusal_at(program.where):
        if not await runs():
            return
    address = settings.address or program.address or f"http://{program.where}"
    async with in_registry(settings, program.name, address, {ADDRESSES: program.addresses}):
        while await runs():
            pass
    if process.poll() is None:
        await asyncio.sleep(settings.drain_delay)


if __name__ == "__main__":
    sys.exit(run(msgspec.json.decode(sys.argv[1], type=Program)))
