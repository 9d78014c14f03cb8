"""Apps on sockets, served until a signal stops them."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from frontispiece.errors import UserError
from frontispiece.http.asgi import App
from frontispiece.http.lifespan import Lifespan, LifespanFailed
from frontispiece.server.connections import Connections
from frontispiece.server.limits import DEFAULT_LIMITS, ConnectionLimits
from frontispiece.server.protocol import HttpProtocol
from frontispiece.server.signals import stop_signals

LOG: Final = logging.getLogger("frontispiece.server")

GRACEFUL_TIMEOUT: Final = 2
"""Seconds that running requests have to finish when a server stops."""

GC_THRESHOLDS: Final = (20_000, 20, 50)
"""Objects allocated before a garbage collection, and collections before one of an older generation.

Requests leave no reference cycles: there is little to collect at any time.
"""

BACKLOG: Final = 2048
"""Connections that wait for being accepted."""


class NotStarted(UserError):
    """A server could not start; the reason has been logged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shutdown:
    """How a server stops.

    Args:
        begin_drain: called first.
        drain_delay: seconds for which new connections are still accepted, so that load balancers notice.
        graceful_timeout: seconds that running requests have after that.
    """

    begin_drain: Callable[[], None] = lambda: None
    drain_delay: float = 0.0
    graceful_timeout: int = GRACEFUL_TIMEOUT


IMMEDIATE: Final = Shutdown()
"""Without a drain: whatever calls this server has stopped before."""


class Server:
    """A server that leaves signals and the end of the process to its caller.

    Args:
        name: in messages about failures.
        app: what it serves, as `Connections` describes it.
        shutdown: how it stops.
        on_sighup: called at SIGHUP when this is the main server of its process.
        limits: of client connections.
        registered: what is entered, with the state of the app's lifespan, while it accepts requests, and left
            before it drains.
    """

    def __init__(
        self,
        name: str,
        app: App,
        shutdown: Shutdown = IMMEDIATE,
        on_sighup: Callable[[], None] | None = None,
        limits: ConnectionLimits = DEFAULT_LIMITS,
        registered: Callable[[Mapping[str, Any]], AbstractAsyncContextManager[object]] = nullcontext,
    ) -> None:
        self.on_sighup = on_sighup
        self._name = name
        self._app = app
        self._shutdown = shutdown
        self._limits = limits
        self._registered = registered
        self._started = asyncio.Event()
        self._stopping = asyncio.Event()
        self._forced = asyncio.Event()

    def stop(self) -> None:
        """Drain and end."""
        self._stopping.set()

    def force_stop(self) -> None:
        """Drain no longer: end at once."""
        self._stopping.set()
        self._forced.set()

    async def serve(self, sock: socket.socket) -> None:
        """Serve on a bound socket until `stop`.

        Raises:
            NotStarted: the app's startup failed.
        """
        lifespan = Lifespan(self._app, "the app")
        with sock:
            try:
                await lifespan.startup()
            except LifespanFailed as failure:
                LOG.error("%s", failure)  # noqa: TRY400 (the message says why)
                raise NotStarted(f"{self._name} did not start.") from None
            connections = Connections(self._app, self._limits, lifespan.state)
            is_file = sock.family == socket.AF_UNIX
            create = connections.loop.create_unix_server if is_file else connections.loop.create_server
            listener = await create(lambda: HttpProtocol(connections), sock=sock, backlog=BACKLOG)
            try:
                self._started.set()
                async with self._registered(lifespan.state):
                    await self._stopping.wait()
                await self._begin_drain()
                connections.loop.remove_reader(sock)
                await asyncio.sleep(0)  # asyncio loses one that it accepts just before a listener closes
            finally:
                listener.close()  # when this is cancelled, too: uvloop's loop cannot be closed without
            await self._drain(connections)
        if not self._forced.is_set():
            try:
                await lifespan.shutdown()
            except LifespanFailed as failure:
                LOG.error("%s", failure)  # noqa: TRY400 (the message says why)

    async def until_started(self, serving: "asyncio.Task[None]") -> None:
        """Return when the server accepts requests; raise the failure of a server that never will."""
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait({serving, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if serving.done():
            serving.result()

    @property
    def has_started(self) -> bool:
        """Whether the server accepts requests, or did."""
        return self._started.is_set()

    async def _drain(self, connections: Connections) -> None:
        draining = asyncio.create_task(connections.drain())
        forced = asyncio.create_task(self._forced.wait())
        await asyncio.wait(
            {draining, forced}, timeout=self._shutdown.graceful_timeout, return_when=asyncio.FIRST_COMPLETED
        )
        draining.cancel()
        forced.cancel()
        await connections.cut_off()

    async def _begin_drain(self) -> None:
        """Wait as long as new connections are still accepted."""
        self._shutdown.begin_drain()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._forced.wait(), self._shutdown.drain_delay)


def freeze_gc() -> None:
    """Exempt all loaded objects from garbage collection: every collection would traverse them."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


Listening = tuple[Server, socket.socket]
"""A server and the bound socket that it listens on."""


@asynccontextmanager
async def running(servers: Sequence[Listening]) -> AsyncIterator[None]:
    """Servers that accept requests for the duration of the block.

    Raises:
        NotStarted: one of them could not start.
    """
    tasks = [asyncio.create_task(server.serve(sock)) for server, sock in servers]
    try:
        for (server, _), task in zip(servers, tasks, strict=True):
            await server.until_started(task)
        yield
    finally:
        for (server, _), task in zip(servers, tasks, strict=True):
            server.stop()
            if not server.has_started:  # its app may never complete the startup
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on the fastest event loop that is installed."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 (it does not exist for every platform)
    except ImportError:
        return None
    return uvloop.new_event_loop


def serve(public: Listening, beside: Sequence[Listening]) -> None:
    """Serve until SIGINT or SIGTERM; servers `beside` start first and stop last.

    Raises:
        NotStarted: one of them could not start.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines show paths, which may be private
    freeze_gc()
    run(_until_signal(public, beside))


async def _until_signal(public: Listening, beside: Sequence[Listening]) -> None:
    server, sock = public
    loop = asyncio.get_running_loop()
    if server.on_sighup is not None:
        loop.add_signal_handler(signal.SIGHUP, server.on_sighup)
    with stop_signals(
        stop=partial(loop.call_soon_threadsafe, server.stop),
        force_stop=partial(loop.call_soon_threadsafe, server.force_stop),
    ):
        async with running(beside):
            await server.serve(sock)
