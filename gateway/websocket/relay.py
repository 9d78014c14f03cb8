"""Messages between a client and a service, each as soon as the other side has room, until there is an end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import random
from typing import Final, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from gateway.policies.websocket import WebSocket
from gateway.websocket.client import ClientSocket, Left
from gateway.websocket.ending import (
    CHANGED,
    CLIENT_GONE,
    IDLE,
    LASTED,
    NO_CODE,
    NORMAL,
    SERVICE_GONE,
    TOO_BIG,
    Ending,
    by_client,
    too_big,
)

GRACE: Final = 5.0
"""Seconds over which the WebSockets of a route that has changed are closed: not all come again at once."""

TO_SERVICE: Final = "to-service"
TO_CLIENT: Final = "to-client"


class Relay:
    """What a reply that opens a WebSocket has for a body: iterated, it relays, and yields nothing.

    Args:
        client: one end.
        service: the other.
        policy: how long, and how big.
        changed: is set when the route is no more what it was.
        count: is told the direction of each message.
    """

    def __init__(
        self,
        client: ClientSocket,
        service: ClientConnection,
        policy: WebSocket,
        changed: asyncio.Event,
        count: Callable[[str], None],
    ) -> None:
        self._client = client
        self._service = service
        self._largest = policy.largest
        self._idle = policy.idle.total_seconds()
        self._lasts = policy.lasts.total_seconds()
        self._changed = changed
        self._count = count
        self._clock = asyncio.get_running_loop().time
        self._last = self._clock()
        """When the last message came."""
        self.ending = CLIENT_GONE
        """How it ended; while it has not, what is to be said when it is broken off."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Relay until there is an end, and tell both sides."""
        works = [
            asyncio.ensure_future(work) for work in (self._to_service(), self._to_client(), self._watch())
        ]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
        self.ending = next(work for work in works if work in done).result()
        await self._client.close(self.ending)
        raise StopAsyncIteration

    async def release(self) -> None:
        """Let the service go; what it still says is not passed on, but its own end may be behind it."""
        try:
            async with asyncio.TaskGroup() as works:
                works.create_task(self._service.close(self.ending.code, self.ending.reason))
                works.create_task(self._hear_out())
        finally:
            self._service.transport.abort()

    async def _hear_out(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self._service.recv()

    async def _to_service(self) -> Ending:
        try:
            while True:
                message = await self._client.message()
                if _size(message) > self._largest:
                    return too_big(self._largest)
                self._last = self._clock()
                await self._service.send(message)
                self._count(TO_SERVICE)
        except Left as left:
            return by_client(left.code, left.reason)
        except ConnectionClosed:  # who reads what it has still said will find that out
            return await _never()

    async def _to_client(self) -> Ending:
        try:
            while True:
                message = await self._service.recv()
                self._last = self._clock()
                await self._client.send(message)
                self._count(TO_CLIENT)
        except ConnectionClosed as closed:
            return self._by_service(closed)
        except OSError:  # who reads what the client has still said will find that out
            return await _never()

    def _by_service(self, closed: ConnectionClosed) -> Ending:
        if closed.sent is not None and closed.sent.code == TOO_BIG and not closed.rcvd_then_sent:
            return too_big(self._largest)
        if closed.rcvd is None or closed.rcvd_then_sent is False:
            return SERVICE_GONE
        code = NORMAL if closed.rcvd.code == NO_CODE else closed.rcvd.code
        return Ending(code, closed.rcvd.reason)

    async def _watch(self) -> Ending:
        """Wait until the gateway itself wants an end."""
        ends = self._clock() + self._lasts
        while (due := min(ends, self._last + self._idle)) > self._clock():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._changed.wait()
                    await asyncio.sleep(random() * GRACE)  # noqa: S311 (nobody gains by knowing it)
                    return CHANGED
        return LASTED if self._clock() >= ends else IDLE


def _size(message: str | bytes) -> int:
    return len(message) if isinstance(message, bytes) or message.isascii() else len(message.encode())


async def _never() -> Ending:
    await asyncio.Event().wait()
    raise AssertionError
