"""Relays messages between a client and a service, each as soon as the other end has room."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import random
from typing import Final, Self

from websockets.exceptions import ConnectionClosed

from frontispiece.gateway.policies.websocket.config import WebSocket
from frontispiece.gateway.policies.websocket.downstream import (
    CLIENT_LEFT,
    IDLE,
    LOGIN_ENDED,
    MAX_DURATION,
    NO_CODE,
    NORMAL,
    ROUTE_CHANGED,
    SERVICE_LEFT,
    TOO_BIG,
    ClientClosed,
    ClientSocket,
    Close,
    too_big,
)
from frontispiece.gateway.policies.websocket.service_socket import ServiceSocket

DRAIN_TIME: Final = 5.0
"""Seconds over which the WebSockets of a changed route are closed, so that not all reconnect at once."""

LAST_FRAME: Final = 1.0
"""Seconds in which a client whose login has ended may read what comes before the close frame."""

TO_SERVICE: Final = "to-service"
TO_CLIENT: Final = "to-client"


class Relay:
    """The body of a reply that opens a WebSocket: iterated, it relays, and yields nothing."""

    def __init__(
        self,
        client: ClientSocket,
        service: ServiceSocket,
        policy: WebSocket,
        route_changed: asyncio.Event,
        count: Callable[[str], None],
    ) -> None:
        self._client = client
        self._service = service
        self._max_message_size = policy.max_message_size
        self._idle_timeout = policy.idle_timeout.total_seconds()
        self._max_duration = policy.max_duration.total_seconds()
        self._route_changed = route_changed
        self._count = count
        self._clock = asyncio.get_running_loop().time
        self._last_message = self._clock()
        self._ended: asyncio.Future[Close] = asyncio.get_running_loop().create_future()
        self.close_frame = CLIENT_LEFT
        """Why it ended; while it has not, what the service gets when the relay is cancelled."""

    def end(self) -> None:
        """Close both ends: the login of the client has ended."""
        if not self._ended.done():
            self._ended.set_result(LOGIN_ENDED)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Relay until one end closes, and close the other."""
        work = (self._relay_to_service(), self._relay_to_client(), self._watch())
        tasks = [self._ended, *(asyncio.ensure_future(each) for each in work)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.close_frame = next(task for task in tasks if task in done).result()
        is_login_ended = self.close_frame is LOGIN_ENDED
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_FRAME if is_login_ended else None):
                await self._client.close(self.close_frame)
        raise StopAsyncIteration

    async def release(self) -> None:
        """Close the service's end; its messages are dropped, because its close frame may follow them."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._service.close(self.close_frame.code, self.close_frame.reason))
                tasks.create_task(self._drain_service())
        finally:
            self._service.abort()

    async def _drain_service(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self._service.recv()

    async def _relay_to_service(self) -> Close:
        try:
            while True:
                message = await self._client.receive_message()
                if _size(message) > self._max_message_size:
                    return too_big(self._max_message_size)
                self._last_message = self._clock()
                await self._service.send(message)
                self._count(TO_SERVICE)
        except ClientClosed as closed:
            return closed.close
        except ConnectionClosed:  # the other direction reads what the service still sent, and finds out
            return await _never()

    async def _relay_to_client(self) -> Close:
        try:
            while True:
                message = await self._service.recv()
                self._last_message = self._clock()
                await self._client.send(message)
                self._count(TO_CLIENT)
        except ConnectionClosed as closed:
            return self._closed_by_service(closed)
        except OSError:  # the other direction reads what the client still sent, and finds out
            return await _never()

    def _closed_by_service(self, closed: ConnectionClosed) -> Close:
        if closed.sent is not None and closed.sent.code == TOO_BIG and not closed.rcvd_then_sent:
            return too_big(self._max_message_size)
        if closed.rcvd is None or closed.rcvd_then_sent is False:
            return SERVICE_LEFT
        code = NORMAL if closed.rcvd.code == NO_CODE else closed.rcvd.code
        return Close(code, closed.rcvd.reason)

    async def _watch(self) -> Close:
        """Wait until the gateway itself ends it."""
        ends = self._clock() + self._max_duration
        while (due := min(ends, self._last_message + self._idle_timeout)) > self._clock():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._route_changed.wait()
                    await asyncio.sleep(random() * DRAIN_TIME)  # noqa: S311 (nobody gains by knowing it)
                    return ROUTE_CHANGED
        return MAX_DURATION if self._clock() >= ends else IDLE


def _size(message: str | bytes) -> int:
    return len(message) if isinstance(message, bytes) or message.isascii() else len(message.encode())


async def _never() -> Close:
    await asyncio.Event().wait()
    raise AssertionError
