"""uvicorn in place of our own server, for comparison: without its limits and its checks of requests."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket

import uvicorn

from frontispiece.http.asgi import App
from frontispiece.server.server import NotStarted, Server, Shutdown


class UvicornServer(Server):
    """A server as `Server` is one, which has uvicorn do the work.

    Args:
        name: in messages about failures.
        app: what it serves, by ASGI.
        shutdown: how it stops.
        on_sighup: called at SIGHUP when this is the main server of its process.
    """

    def __init__(
        self, name: str, app: App, shutdown: Shutdown, on_sighup: Callable[[], None] | None = None
    ) -> None:
        super().__init__(name, app, shutdown, on_sighup)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=not hasattr(app, "respond"),  # which sets it itself: that of a cached one is older
            proxy_headers=False,  # it would believe X-Forwarded-For from loopback
            timeout_graceful_shutdown=shutdown.graceful_timeout,
        )
        self._uvicorn = _Uvicorn(config, self)

    def hurry(self) -> None:
        """Drain no longer: end at once."""
        super().hurry()
        self._uvicorn.force_exit = True

    async def serve(self, sock: socket) -> None:
        """Serve on a bound socket until `stop`.

        Raises:
            NotStarted: the app's startup failed.
        """
        try:
            await self._uvicorn.serve([sock])
        except SystemExit:
            raise NotStarted(f"{self._name} did not start.") from None

    async def drained(self) -> None:
        """Return when the server stops, and new connections are refused."""
        self._started.set()
        await self._stopping.wait()
        await self._begin_drain()


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, owner: UvicornServer) -> None:
        super().__init__(config)
        self._owner = owner

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        ticking = asyncio.create_task(super().main_loop())  # it keeps the date
        await self._owner.drained()
        self.should_exit = True
        await ticking
