"""The types of ASGI (https://asgi.readthedocs.io), and reading requests and sending responses through it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, Final

from frontispiece.http.dates import http_date
from frontispiece.http.messages import (
    ClientDisconnected,
    Headers,
    IncomingRequest,
    Reply,
    ResponseBrokeOff,
    field,
)
from frontispiece.http.problems import MEDIA_TYPE, Problem

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Respond = Callable[[IncomingRequest], Coroutine[Any, Any, Reply]]

ADDRESSES: Final = "frontispiece.addresses"
"""In the state of an app's lifespan: further addresses, by the names that the registry has for them."""


class RequestBody:
    """The body of an incoming request, streamed, and the moment at which its client disconnects."""

    def __init__(self, headers: Headers, receive: Receive) -> None:
        self._receive = receive
        length = field(headers, b"content-length")
        has_body = field(headers, b"transfer-encoding") is not None or length not in {None, b"0"}
        self._read = asyncio.Event() if has_body else None

    @property
    def body(self) -> bytes | AsyncIterator[bytes]:
        """Empty, or an iterator over chunks; reading slowly is the backpressure on a fast client."""
        return b"" if self._read is None else self._chunks(self._read)

    async def _chunks(self, read: asyncio.Event) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                read.set()
                raise ClientDisconnected
            if chunk := message.get("body", b""):
                yield chunk
            more = message.get("more_body", False)
        read.set()

    async def wait_disconnect(self) -> None:
        """Return when the client has disconnected; a body is awaited to its end first."""
        if self._read is not None:
            await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def cancel_on_disconnect(
    work: Coroutine[Any, Any, None], wait_disconnect: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Run the work; cancel it when the client disconnects first."""
    working = asyncio.create_task(work)

    async def watch() -> None:
        await wait_disconnect()
        working.cancel()

    watching = asyncio.create_task(watch())
    try:
        await asyncio.wait([working])
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.wait([working, watching])
    if not working.cancelled():
        working.result()


async def respond_over_asgi(respond: Respond, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one request of an ASGI server; when its client disconnects, all work for it is cancelled."""
    body = RequestBody(scope["headers"], receive)
    query: bytes = scope["query_string"]
    request = IncomingRequest(
        method=scope["method"],
        target=scope["raw_path"] + b"?" + query if query else scope["raw_path"],
        headers=scope["headers"],
        body=body.body,
        http_version=scope["http_version"],
        client_ip=scope["client"][0] if scope["client"] else "unknown",
        scheme=scope["scheme"],
        send_interim=_send_no_interim,
    )

    async def work() -> None:
        try:
            reply = await respond(request)
            if reply.header(b"date") is None:  # a cached response has an older one
                reply.headers.append((b"date", http_date(int(time.time()))))
            async with reply:
                await send_reply(reply, send)
        except (ClientDisconnected, ResponseBrokeOff):
            return

    await cancel_on_disconnect(work(), body.wait_disconnect)


def _send_no_interim(_status: int, _headers: Headers) -> None:
    """ASGI servers send no interim responses."""


async def send_reply(reply: Reply, send: Send) -> None:
    """Send the reply, each chunk as soon as the server takes it; failures of the body pass through."""
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    if isinstance(reply.body, bytes):
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})
        return
    async for chunk in reply.body:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def problem_response(problem: Problem, request_id: bytes | None) -> Reply:
    """The `application/problem+json` response for a problem."""
    headers = [
        (key.lower().encode(), value.encode("latin-1", "replace")) for key, value in problem.headers.items()
    ]
    headers.append((b"content-type", MEDIA_TYPE.encode()))
    return Reply.whole(
        problem.status, problem.body(request_id.decode("latin-1") if request_id else None), headers
    )
