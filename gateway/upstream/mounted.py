"""The transport for apps mounted in this process (`app://module:factory`): ASGI, streaming both ways."""

import asyncio
import logging
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any, Protocol, Self, runtime_checkable
from urllib.parse import unquote

from gateway.upstream.errors import Failed, TimedOut
from gateway.upstream.message import ClientLeft, Headers, Reply, Request, field
from kit import telemetry
from kit.asgi import App, Message
from kit.problems import Problem

log = logging.getLogger(__name__)


def load_app(path: str) -> App:
    """The app that the factory at `module:factory` makes.

    Raises:
        LookupError: there is no such module or factory.
    """
    module, _, factory = path.partition(":")
    try:
        with telemetry.beside():
            made: App = getattr(import_module(module), factory)()
    except (ModuleNotFoundError, AttributeError) as fault:
        raise LookupError(f"app://{path} cannot be loaded: {fault}") from fault
    return made


class LifespanFailed(Exception):
    """A mounted app could not start or stop as it should."""


@runtime_checkable
class Direct(Protocol):
    """An app that, in its own process, gives replies as a transport does."""

    async def reply(self, request: Request) -> Reply | None:
        """The answer, kept within the request's time; None when it takes ASGI to get one."""
        ...


class MountedTransport:
    """Calls an ASGI app as a server would; its lifespan is the transport's own."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._direct = app.reply if isinstance(app, Direct) else None
        self._lifespan = _Lifespan(app)

    async def __aenter__(self) -> Self:
        await self._lifespan.start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._lifespan.stop()

    async def send(self, request: Request) -> Reply:
        """Run the app in a task of its own, which ends at the latest when the reply is released.

        What an app of pages answers without ASGI needs none.
        """
        if self._direct is not None and (reply := await self._direct(request)) is not None:
            return reply
        exchange = _Exchange(request)
        task = asyncio.create_task(exchange.run(self.app))
        try:
            start = await exchange.next()
        except BaseException:
            await _cancel(task)
            raise

        async def release() -> None:
            if not exchange.complete:
                task.cancel()
            await asyncio.wait([task])

        headers = [(name.lower(), value) for name, value in start.get("headers", ())]
        return Reply(status=start["status"], headers=headers, body=exchange.chunks(), release=release)


class _Exchange:
    """One request to the app and its answer: the app waits until each chunk has been taken."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._chunks = request.body if not isinstance(request.body, bytes) else None
        self._received = False
        self._started = False
        self._answers: asyncio.Queue[Message | Failed | ClientLeft | Problem] = asyncio.Queue(maxsize=1)
        self.complete = False

    async def run(self, app: App) -> None:
        try:
            await app(self._scope(), self._receive, self._send)
        except Exception:  # a bug of the app: whether it has answered 500 or not, its stack ends here
            log.exception("The mounted app failed")
        if not self.complete:
            where = "in the middle of its answer" if self._started else "without an answer"
            await self._answers.put(Failed(f"it ended {where}"))

    async def next(self) -> Message:
        """What the app sends next."""
        try:
            async with asyncio.timeout(self._request.timeout):
                message = await self._answers.get()
        except TimeoutError:
            raise TimedOut(f"no answer in {self._request.timeout:.3g} s") from None
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
            if self._chunks is not None:
                headers.append((b"transfer-encoding", b"chunked"))  # as a server tells that there is a body
            elif isinstance(self._request.body, bytes) and self._request.body:
                headers.append((b"content-length", str(len(self._request.body)).encode()))
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
        }

    async def _receive(self) -> Message:
        if self._received:
            await asyncio.Event().wait()  # the client going away ends this task instead
        if self._chunks is None:
            self._received = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        try:
            return {"type": "http.request", "body": await anext(self._chunks), "more_body": True}
        except StopAsyncIteration:
            self._received = True
            return {"type": "http.request", "body": b"", "more_body": False}
        except (ClientLeft, Problem) as ended:  # the latter: the gateway wants no more of it
            self._received = True
            await self._answers.put(ended)
            return await self._receive()

    async def _send(self, message: Message) -> None:
        if self.complete:
            raise RuntimeError("The app goes on answering after the end of its answer.")
        self._started = True
        await self._answers.put(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.complete = True


class _Lifespan:
    """Runs an app's lifespan in one task from start to stop."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())
        try:
            await self._tell("startup")
        except LifespanFailed:
            await _cancel(self._task)
            raise

    async def stop(self) -> None:
        if self._task is not None:
            await self._tell("shutdown")
            await self._task

    async def _run(self) -> None:
        try:
            await self._app(
                {"type": "lifespan", "asgi": {"version": "3.0"}}, self._inbox.get, self._outbox.put
            )
        except Exception as fault:
            log.exception("The mounted app's lifespan failed")
            await self._outbox.put({"type": "lifespan.failed", "message": str(fault)})
        else:
            await self._outbox.put({"type": "lifespan.ended", "message": "its lifespan has ended"})

    async def _tell(self, event: str) -> None:
        await self._inbox.put({"type": f"lifespan.{event}"})
        answer = await self._outbox.get()
        if answer["type"] != f"lifespan.{event}.complete":
            raise LifespanFailed(f"The mounted app did not {event}: {answer.get('message', '')}")


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
