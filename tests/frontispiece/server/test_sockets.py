"""Sockets of several processes on one port."""

import socket
from contextlib import ExitStack

from frontispiece.server.sockets import bound, sibling

CONNECTIONS = 200


def accepted(sock: socket.socket) -> int:
    """How many connections wait at a socket."""
    sock.setblocking(False)
    count = 0
    while True:
        try:
            connection, _ = sock.accept()
        except BlockingIOError:
            return count
        connection.close()
        count += 1


def test_siblings_share_connections_evenly_and_one_that_is_closed_gets_none() -> None:
    with ExitStack() as stack:
        first = stack.enter_context(bound())
        one, two = (stack.enter_context(sibling(first)) for _ in range(2))
        for sock in (one, two):
            sock.listen(CONNECTIONS)
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(first.getsockname()))
        counts = accepted(one), accepted(two)

        one.close()
        for _ in range(10):
            stack.enter_context(socket.create_connection(first.getsockname()))
        rest = accepted(two)

    assert sum(counts) == CONNECTIONS
    assert min(counts) > CONNECTIONS / 5  # as good as certain, at even chances
    assert rest == 10


def test_a_socket_that_listens_already_is_shared() -> None:
    with bound() as first:
        first.listen()
        with sibling(first) as other, socket.create_connection(first.getsockname()):
            connection, _ = other.accept()
            connection.close()
