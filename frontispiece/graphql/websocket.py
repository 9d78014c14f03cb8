"""Operations over a WebSocket: the protocol `graphql-transport-ws` (github.com/enisdenjo/graphql-ws)."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Final

import msgspec
from msgspec import Struct

from frontispiece.aio.deadline import Deadline
from frontispiece.graphql.engine import Engine
from frontispiece.graphql.errors import Refused, of_problem
from frontispiece.graphql.request import GraphRequest
from frontispiece.http.asgi import Message, Receive, Scope, Send
from frontispiece.http.json_nesting import is_nested_too_deeply
from frontispiece.http.problems import Problem, internal
from frontispiece.pages.request import PageRequest
from frontispiece.upstream import now

log = logging.getLogger(__name__)

PROTOCOL: Final = "graphql-transport-ws"

INIT_TIMEOUT: Final = 3.0
"""Seconds within which a client must begin with `connection_init`."""

HEARTBEAT: Final = 20.0
"""Seconds between two pings: proxies cut off what is silent."""

MAX_OPERATIONS: Final = 20
"""Operations of one connection at a time."""

RATE: Final = 50
"""Operations that a connection begins a second: more of them wait."""

BAD_REQUEST, UNAUTHORIZED, INIT_TOO_LATE, DUPLICATE_ID, INIT_TWICE = 4400, 4401, 4408, 4409, 4429
"""The protocol's close codes."""


class ClientMessage(Struct, frozen=True):
    """A message of the client."""

    type: str
    id: str | None = None
    payload: dict[str, Any] | None = None


class Closed(Exception):
    """The connection is closed, by the client or with this code."""

    def __init__(self, code: int | None = None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


async def serve(
    engine: Engine, request: PageRequest, scope: Scope, receive: Receive, send: Send, deadline: float
) -> None:
    """Serve one WebSocket until one end closes it; an operation, or each event, has `deadline` seconds."""
    await receive()  # websocket.connect
    if PROTOCOL not in scope["subprotocols"]:
        await send({"type": "websocket.close", "code": 4406})
        return
    await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
    connection = _Connection(engine, request, receive, send, deadline)
    try:
        await connection.run()
    except Closed as closed:
        if closed.code is not None:
            await send({"type": "websocket.close", "code": closed.code, "reason": closed.reason})
    finally:
        await connection.close()


class _Connection:
    def __init__(
        self, engine: Engine, request: PageRequest, receive: Receive, send: Send, deadline: float
    ) -> None:
        self._engine = engine
        self._request = request
        self._receive = receive
        self._asgi_send = send
        self._deadline = deadline
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._beating: asyncio.Task[None] | None = None
        self._next_start = 0.0

    async def run(self) -> None:
        """Answer messages.

        Raises:
            Closed: one end closes the connection.
        """
        await self._begin()
        self._beating = asyncio.create_task(self._beat())
        while True:
            message = await self._message()
            match message.type:
                case "connection_init":
                    raise Closed(INIT_TWICE, "Too many initialisation requests")
                case "ping":
                    await self._send({"type": "pong"})
                case "pong":
                    pass
                case "subscribe":
                    await self._pace()
                    self._subscribe(message)
                case "complete" if message.id is not None:
                    if (task := self._operations.pop(message.id, None)) is not None:
                        task.cancel()
                case _:
                    raise Closed(BAD_REQUEST, "Invalid message")

    async def close(self) -> None:
        """Cancel all operations and return when they have ended."""
        tasks = [*self._operations.values(), *([self._beating] if self._beating else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT)
            await self._send({"type": "ping"})

    async def _begin(self) -> None:
        deadline = Deadline(INIT_TIMEOUT)
        try:
            message = await self._message()
        except asyncio.CancelledError:
            if not deadline.expired():
                raise
            raise Closed(INIT_TOO_LATE, "Connection initialisation timeout") from None
        finally:
            deadline.cancel()
        if message.type != "connection_init":
            raise Closed(UNAUTHORIZED, "Unauthorized")
        await self._send({"type": "connection_ack"})

    async def _message(self) -> ClientMessage:
        received: Message = await self._receive()
        if received["type"] == "websocket.disconnect":
            raise Closed
        content = received.get("bytes") or (received.get("text") or "").encode()
        if is_nested_too_deeply(content):
            raise Closed(BAD_REQUEST, "Invalid message")
        try:
            return msgspec.json.decode(content, type=ClientMessage)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Closed(BAD_REQUEST, "Invalid message") from error

    async def _pace(self) -> None:
        """Wait as long as `RATE` operations have begun within a second."""
        self._next_start = max(self._next_start, now() - 1) + 1 / RATE
        await asyncio.sleep(max(0, self._next_start - now()))

    def _subscribe(self, message: ClientMessage) -> None:
        if message.id is None or message.payload is None:
            raise Closed(BAD_REQUEST, "Invalid message")
        if message.id in self._operations:
            raise Closed(DUPLICATE_ID, f"Subscriber for {message.id[:64]} already exists")
        if len(self._operations) >= MAX_OPERATIONS:
            raise Closed(BAD_REQUEST, f"A connection has at most {MAX_OPERATIONS} operations at a time")
        work = self._operate(message.id, message.payload)
        self._operations[message.id] = asyncio.create_task(work)

    async def _operate(self, name: str, payload: dict[str, Any]) -> None:
        """Carry out an operation, and report its end."""
        try:
            await self._run(payload, lambda part: self._send({"id": name, "type": "next", "payload": part}))
            await self._send({"id": name, "type": "complete"})
        except Refused as refused:
            await self._send({"id": name, "type": "error", "payload": refused.formatted})
        except Problem as problem:
            await self._send({"id": name, "type": "error", "payload": [of_problem(problem).formatted]})
        except Exception:  # a bug: the client gets nothing of the inside
            log.exception("An operation failed")
            bug = of_problem(internal(self._request.header("x-request-id")))
            await self._send({"id": name, "type": "error", "payload": [bug.formatted]})
        finally:
            if self._operations.get(name) is asyncio.current_task():
                del self._operations[name]

    async def _run(self, payload: dict[str, Any], send_part: Callable[[Any], Any]) -> None:
        try:
            wanted = msgspec.convert(payload, GraphRequest)
        except msgspec.ValidationError as error:
            raise Problem(400, "graphql-request-invalid", f"{error}") from error
        operation = self._engine.prepare(wanted)
        request = self._request.until(now() + self._deadline)
        async with aclosing(self._engine.stream(operation, request)) as parts:
            async for part in parts:
                await send_part(part)

    async def _send(self, message: dict[str, Any]) -> None:
        await self._asgi_send({"type": "websocket.send", "text": msgspec.json.encode(message).decode()})
