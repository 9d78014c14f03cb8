"""What the connections of a server share: its app, its limits, and who is connected."""

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final, Protocol

from frontispiece.http.asgi import App, Scope
from frontispiece.http.messages import Headers
from frontispiece.server.limits import ConnectionLimits

if TYPE_CHECKING:
    from frontispiece.server.websocket_protocol import WebSockets

RefusalHeaders = Callable[[bytes, Headers], Headers]
"""Header fields for a refusal by the server, from what was read of the target and the headers."""

Upgrades = Callable[[Scope], bool]
"""Decides whether a request may become a WebSocket."""


class Connection(Protocol):
    """An open connection."""

    transport: asyncio.Transport

    def shutdown(self) -> None:
        """Close as soon as the request that is being answered, if any, is answered."""
        ...


def no_refusal_headers(_target: bytes, _headers: Headers) -> Headers:
    """Nothing is added to a refusal."""
    return []


class Connections:
    """The open connections of a server, and the tasks that answer their requests.

    Args:
        app: what the server serves. It may have `respond`, which takes an `IncomingRequest` and returns a
            `Reply` without ASGI; `passes_websocket`, which decides whether a request may become a WebSocket;
            and `refusal_headers`, which adds fields to refusals by the server itself.
        limits: of each connection and of all.
        state: what the app's lifespan has left for requests.
    """

    def __init__(self, app: App, limits: ConnectionLimits, state: dict[str, Any]) -> None:
        self.app: Final = app
        self.limits: Final = limits
        self.state: Final = state
        self.loop: Final = asyncio.get_running_loop()
        self._context: Final = copy_context()
        self.open: Final[set[Connection]] = set()
        self.tasks: Final[set[asyncio.Future[None]]] = set()
        self.respond = getattr(app, "respond", None)
        self.websockets = self._websockets(getattr(app, "passes_websocket", None))
        """None when no request may become a WebSocket."""
        self.refusal_headers: RefusalHeaders = getattr(app, "refusal_headers", no_refusal_headers)
        self._by_address: Final[dict[str, int]] = {}
        self._all_done: asyncio.Event | None = None

    def _websockets(self, upgrades: Upgrades | None) -> "WebSockets | None":
        if upgrades is None:
            return None
        from frontispiece.server.websocket_protocol import WebSockets  # noqa: PLC0415 (others start faster without)

        return WebSockets(self, upgrades)

    def add(self, connection: Connection, address: str) -> bool:
        """Count a connection; whether it is within the limits."""
        self.open.add(connection)
        count = self._by_address[address] = self._by_address.get(address, 0) + 1
        return len(self.open) <= self.limits.max_connections and (
            count <= self.limits.max_connections_per_address
        )

    def remove(self, connection: Connection, address: str) -> None:
        """Count a connection no more."""
        self.open.discard(connection)
        count = self._by_address[address] - 1
        if count:
            self._by_address[address] = count
        else:
            del self._by_address[address]
        self._check_done()

    def new_context(self) -> Context:
        """A context for a request: the server's, not that of the request whose end lets it begin."""
        return self._context.copy()

    def task_ended(self, task: asyncio.Future[None]) -> None:
        """Forget a task."""
        self.tasks.discard(task)
        self._check_done()

    def _check_done(self) -> None:
        if self._all_done is not None and not self.open and not self.tasks:
            self._all_done.set()

    @property
    def is_draining(self) -> bool:
        """Whether the server stops."""
        return self._all_done is not None

    async def drain(self) -> None:
        """Close what is idle, and the rest after its response; return when nothing is left."""
        self._all_done = asyncio.Event()
        for connection in list(self.open):
            connection.shutdown()
        self._check_done()
        await self._all_done.wait()

    async def cut_off(self) -> None:
        """Cancel the running requests and close their connections, if there are any left."""
        for task in list(self.tasks):
            task.cancel()
        for connection in list(self.open):
            connection.transport.abort()
        await asyncio.sleep(0)  # the tasks get their cancellation
