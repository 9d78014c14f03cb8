"""Sockets, bound before their servers start: addresses are known, and no port is lost to a race."""

import asyncio
import os
import socket
import sys
import tempfile

from frontispiece.errors import ConfigError, UserError

LOOPBACK = "127.0.0.1"

MAX_PARENT = 50
"""Bytes of a path below which socket files have place: the system allows them 107."""


class PortTaken(UserError):
    """The port is not free."""


def bound(port: int = 0, host: str = LOOPBACK) -> socket.socket:
    """A socket bound to a port of an address; port 0 is any free one.

    Raises:
        PortTaken: the port is not free.
    """
    # asyncio switches Nagle's algorithm off only where it reads "TCP": without this name each response on a
    # persistent connection waits 40 ms for an acknowledgement.
    sock = socket.socket(proto=socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as fault:
        sock.close()
        raise PortTaken(f"Port {port} on {host} is not free ({fault.strerror}): choose another.") from None
    return sock


def short_folder() -> str:
    """Where folders for socket files are made: among the temporary files, if that path is short enough."""
    folder = tempfile.gettempdir()
    return folder if len(os.fsencode(folder)) <= MAX_PARENT else "/tmp"  # noqa: S108 (`mkdtemp` makes it)


def sibling(sock: socket.socket) -> socket.socket:
    """A socket bound to the same address: the system spreads connections evenly over those that listen.

    It is the same socket again where the system cannot do that, or where it listens already: whoever accepts
    first then gets a connection.
    """
    if sys.platform != "linux" or sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return sock.dup()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    own = socket.socket(sock.family, proto=socket.IPPROTO_TCP)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    own.bind(sock.getsockname())
    return own


def inherited(descriptor: int) -> socket.socket:
    """A bound socket that this process has from its parent.

    Raises:
        ConfigError: the descriptor is no socket.
    """
    try:
        return socket.socket(fileno=descriptor)
    except OSError as error:
        raise ConfigError([f"The descriptor {descriptor} is no socket: {error.strerror}"]) from None


def address(sock: socket.socket) -> str:
    """`host:port` of a bound socket."""
    host, port = sock.getsockname()
    return f"{host}:{port}"


async def refusal_at(where: str) -> str | None:
    """Why no connection can be made to HOST:PORT; None when one can."""
    host, _, port = where.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError as error:
        return str(error)
    writer.close()
    return None
