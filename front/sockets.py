"""Sockets, bound before their servers start: addresses are known, and no port is lost to a race."""

import socket

LOOPBACK = "127.0.0.1"


class PortTaken(Exception):
    """The port cannot be had: mostly, somebody else listens on it."""


def bound(port: int = 0, host: str = LOOPBACK) -> socket.socket:
    """A socket bound to a port of an address; to a free port when none is named.

    Raises:
        PortTaken: the port cannot be had.
    """
    # asyncio switches Nagle's algorithm off only where it reads "TCP": without this name each answer on a
    # kept connection waits 40 ms for an acknowledgement.
    sock = socket.socket(proto=socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as fault:
        sock.close()
        raise PortTaken(f"Port {port} on {host} cannot be had ({fault.strerror}): choose another.") from None
    return sock


def address(sock: socket.socket) -> str:
    """`host:port` of a bound socket."""
    host, port = sock.getsockname()
    return f"{host}:{port}"
