"""The transport for ASGI apps mounted in this process (`app://module:factory`); bodies are streamed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol, Self, runtime_checkable
from urllib.parse import unquote

from frontispiece import telemetry
from frontispiece.aio import end
from frontispiece.factories import create
from frontispiece.http.asgi import App, Message
from frontispiece.http.lifespan import Lifespan
from frontispiece.http.messages import ClientDisconnected, Headers, Reply, Request, field, whole_or_stream
from frontispiece.http.problems import Problem
from frontispiece.upstream.errors import UpstreamServerError
from frontispiece.upstream.outcome import response_deadline

log = logging.getLogger(__name__)


def load_app(path: str) -> App:
    """Call the factory at `module:factory`.

    Raises:
        ConfigError: it cannot be imported, or fails.
    """
    with telemetry.mounting():
        return create(path)


@runtime_checkable
class InProcessApp(Protocol):
    """An app that can reply without ASGI, as a transport does."""

    def reply(self, request: Request) -> Coroutine[Any, Any, Reply] | None:
        """The reply, within the request's timeout; None when the request has to go through ASGI."""
        ...


class AsgiTransport:
    """Calls an ASGI app as a server would; the app's lifespan is that of the transport."""

    def __init__(self, app: App, name: str = "the mounted app") -> None:
        self.app = app
        self._direct = app.reply if isinstance(app, InProcessApp) else None
        self._lifespan = Lifespan(app, name)

    async def __aenter__(self) -> Self:
        await self._lifespan.startup()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._lifespan.shutdown()

    def send(self, request: Request) -> Coroutine[Any, Any, Reply]:
        """Have the app reply without ASGI, if it can, else as it does to a server."""
        if self._direct is not None and (replying := self._direct(request)) is not None:
            return replying
        return self._exchange(request)

    async def _exchange(self, request: Request) -> Reply:
        """Run the app in a task of its own, which ends at the latest when the reply is released."""
        exchange = _Exchange(request, self._lifespan.state)
        task = asyncio.create_task(exchange.run(self.app))
        try:
            start = await exchange.next()
        except BaseException:
            await end(task)
            raise

        async def release() -> None:
            if not exchange.complete:
                task.cancel()
            await asyncio.wait([task])

        headers = [(name.lower(), value) for name, value in start.get("headers", ())]
        return Reply(status=start["status"], headers=headers, body=exchange.chunks(), release=release)


class _Exchange:
    """One request to the app and its response: the app waits until each chunk has been taken."""

    def __init__(self, request: Request, state: dict[str, Any]) -> None:
        self._request = request
        self._state = state
        self._body = whole_or_stream(request.body)
        self._received = False
        self._started = False
        self._messages: asyncio.Queue[Message | UpstreamServerError | ClientDisconnected | Problem] = (
            asyncio.Queue(maxsize=1)
        )
        self.complete = False

    async def run(self, app: App) -> None:
        try:
            await app(self._scope(), self._receive, self._send)
        except Exception:  # a bug of the app: whether it responded with 500 or not, its stack ends here
            log.exception("The mounted app failed")
        if not self.complete:
            where = "in the middle of its answer" if self._started else "without an answer"
            await self._messages.put(UpstreamServerError(f"it ended {where}"))

    async def next(self) -> Message:
        """The next message that the app sends."""
        with response_deadline(self._body, self._request.timeout):
            message = await self._messages.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def chunks(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self.next()
            if body := message.get("body", b""):
                yield body
            more = message.get("more_body", False)

    def _scope(self) -> dict[str, Any]:
        path, _, query = self._request.target.partition("?")
        headers: Headers = [(b"host", b"mounted"), *self._request.headers]
        if field(headers, b"content-length") is None:
            if not isinstance(self._body, bytes):
                headers.append((b"transfer-encoding", b"chunked"))  # as a server announces a body
            elif self._body:
                headers.append((b"content-length", str(len(self._body)).encode()))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": headers,
            "client": None,
            "server": None,
            "state": self._state.copy(),
        }

    async def _receive(self) -> Message:
        if self._received:
            await asyncio.Event().wait()  # when the client goes away, this task is cancelled
        if isinstance(self._body, bytes):
            self._received = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        try:
            return {"type": "http.request", "body": await anext(self._body), "more_body": True}
        except StopAsyncIteration:
            self._received = True
            return {"type": "http.request", "body": b"", "more_body": False}
        except (ClientDisconnected, Problem) as ended:  # the latter: it exceeds the gateway's limit
            self._received = True
            await self._messages.put(ended)
            return await self._receive()

    async def _send(self, message: Message) -> None:
        if self.complete:
            raise RuntimeError("The app sends a message after the end of its response.")
        self._started = True
        await self._messages.put(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.complete = True
