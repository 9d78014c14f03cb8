"""Which connection: bounds, a fair wait, and the end of idle ones."""

import asyncio
from collections import deque

from gateway.upstream.errors import Unreachable
from gateway.upstream.native.connection import Connection

NOT_MADE = "no connection could be made"


class Pool:
    """The connections to one address.

    Args:
        host: where.
        port: where.
        most: connections there may be.
        idle: connections that may wait for a request.
        expiry: seconds that they wait.
    """

    def __init__(self, host: str, port: int, *, most: int, idle: int, expiry: float) -> None:
        self._host, self._port = host, port
        self._room = most
        """How many more connections may be opened."""
        self._most_idle = idle
        self._expiry = expiry
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []
        """In the order in which they became idle; there are none while anybody waits."""
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] | None = None

    def take(self) -> Connection | None:
        """The connection that was in use last, if any is idle."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.is_open() and connection.since + self._expiry > _now():
                return connection
            connection.close()
        return None

    async def place(self) -> Connection | None:
        """Wait for the turn: an idle connection, or None: whoever gets that opens a new one.

        Raises:
            Unreachable: the pool is closed.
        """
        if self._closed is not None:
            raise Unreachable(NOT_MADE)
        if connection := self.take():
            return connection
        if self._room:
            self._room -= 1
            return None
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif not waiter.cancelled() and waiter.exception() is None:  # its turn came all the same
                self._pass_on(waiter.result())
            raise

    async def connect(self) -> Connection:
        """A new connection, for whoever was given a place for one.

        Raises:
            Unreachable: none could be made.
        """
        loop = asyncio.get_running_loop()
        connection = None
        try:
            _, connection = await loop.create_connection(lambda: Connection(self), self._host, self._port)
        except OSError as fault:
            raise Unreachable(NOT_MADE) from fault
        finally:
            if connection is not None and connection.is_open() and self._closed is None:
                self._open.add(connection)
            else:
                self._pass_on(None)
        if connection not in self._open:
            connection.close()
            raise Unreachable(NOT_MADE)
        return connection

    def instead_of(self, connection: Connection) -> None:
        """Close a connection and keep its place, for a new one."""
        self._open.discard(connection)
        connection.close()

    async def close(self) -> None:
        """Close every connection, whatever is going on, and return when all are closed."""
        self._closed = asyncio.get_running_loop().create_future()
        if self._timer is not None:
            self._timer.cancel()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(Unreachable(NOT_MADE))
        self._waiters.clear()
        for connection in self._open:
            connection.end()
        if self._open:
            await self._closed

    # For connections.

    def free(self, connection: Connection) -> None:
        """A connection can be used again: by the first who waits, else later."""
        self._pass_on(connection)

    def lost(self, connection: Connection) -> None:
        """A connection is gone, and another may take its place."""
        if connection not in self._open:
            return
        self._open.remove(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._pass_on(None)
        if self._closed is not None and not self._open:
            self._closed.set_result(None)

    def _pass_on(self, place: Connection | None) -> None:
        """Give a connection, or room for one, to the first who waits, else keep it."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(place)
                return
        if place is None:
            self._room += 1
        elif len(self._idle) < self._most_idle:
            place.since = _now()
            self._idle.append(place)
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(self._expiry, self._expire)
        else:
            place.close()

    def _expire(self) -> None:
        """Close what has been idle for too long; one timer does for all connections."""
        self._timer = None
        while self._idle and self._idle[0].since + self._expiry <= _now():
            self._idle.pop(0).close()
        if self._idle:
            self._timer = asyncio.get_running_loop().call_at(self._idle[0].since + self._expiry, self._expire)


def _now() -> float:
    return asyncio.get_running_loop().time()
