"""The connection pool: bounded, first come first served, idle connections expire."""

import asyncio
import math
from collections import deque

from frontispiece.upstream.call_context import now
from frontispiece.upstream.errors import Unreachable
from frontispiece.upstream.transports.http1.connection import Connection

NO_CONNECTION = "no connection could be made"

TICK = 0.001
"""Seconds by which a timer of the loop may be early."""


class Pool:
    """The connections to one address."""

    def __init__(self, host: str, port: int, *, max_connections: int, idle_timeout: float) -> None:
        self._host, self._port = host, port
        self._free = max_connections
        """How many more connections may be opened."""
        self._idle_timeout = idle_timeout
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []
        """In the order in which they became idle; empty while anyone waits."""
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self.next_expiry = math.inf
        """When the timer looks at the deadlines of all connections: at the first of them, or before."""
        self._timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] | None = None

    def take_idle(self, moment: float) -> Connection | None:
        """The idle connection that was used last, if there is one at this moment, in the loop's time."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.deadline > moment and not connection.is_closing():
                return connection
            connection.close()
        return None

    async def acquire(self) -> Connection | None:
        """Wait for an idle connection, or for None: the permission to open a new one.

        Raises:
            Unreachable: the pool is closed.
        """
        if self._closed is not None:
            raise Unreachable(NO_CONNECTION)
        if connection := self.take_idle(now()):
            return connection
        if self._free:
            self._free -= 1
            return None
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif (
                not waiter.cancelled() and waiter.exception() is None
            ):  # it got one in the moment in which it gave up
                self.release(waiter.result())
            raise

    async def connect(self) -> Connection:
        """Open a connection, after `acquire` returned None.

        Raises:
            Unreachable: it could not be opened.
        """
        loop = asyncio.get_running_loop()
        connection = None
        try:
            _, connection = await loop.create_connection(lambda: Connection(self), self._host, self._port)
        except OSError as error:
            raise Unreachable(NO_CONNECTION) from error
        finally:
            if connection is not None and not connection.is_closing() and self._closed is None:
                self._open.add(connection)
            else:
                self.release(None)
        if connection not in self._open:
            connection.close()
            raise Unreachable(NO_CONNECTION)
        return connection

    def replace(self, connection: Connection) -> None:
        """Close a connection, and keep the permission to open a new one."""
        self._open.discard(connection)
        connection.close()

    async def close(self) -> None:
        """Close every connection, in use or not, and return when all are closed."""
        self._closed = asyncio.get_running_loop().create_future()
        if self._timer is not None:
            self._timer.cancel()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(Unreachable(NO_CONNECTION))
        self._waiters.clear()
        for connection in tuple(self._open):
            connection.shut_down()
        if self._open:
            await self._closed

    # Called by connections.

    def lost(self, connection: Connection) -> None:
        """Forget a connection that is closed; another one may be opened."""
        if connection not in self._open:
            return
        self._open.remove(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self.release(None)
        if self._closed is not None and not self._open:
            self._closed.set_result(None)

    def release(self, connection: Connection | None) -> None:
        """Give a connection, or the permission to open one, to the first waiter, else keep it."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is None:
            self._free += 1
        else:
            connection.watch(now() + self._idle_timeout)
            self._idle.append(connection)

    def expire_at(self, moment: float) -> None:
        """Have the timer look at the deadlines at this moment at the latest.

        One timer serves all connections: a timer of its own for each exchange would cost as much as its head.
        """
        if self._timer is not None:
            self._timer.cancel()
        self.next_expiry = moment
        self._timer = asyncio.get_running_loop().call_at(moment, self._expire)

    def _expire(self) -> None:
        self.next_expiry = math.inf
        self._timer = None
        due = now() + TICK
        for connection in [each for each in self._open if each.deadline <= due]:
            connection.expire()
        first = min((each.deadline for each in self._open), default=math.inf)
        if first < self.next_expiry:
            self.expire_at(first)
