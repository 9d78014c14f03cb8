"""Serving one app on one socket."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from kit.asgi import App

GRACE = 2
"""Seconds that running requests have to finish when a server stops."""


class NotStarted(Exception):
    """A server could not start; why has been logged."""


class Server(uvicorn.Server):
    """A server that leaves signals, and the end of the process, to whoever runs it."""

    def __init__(self, name: str, app: App) -> None:
        super().__init__(config(app))
        self._name = name

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `should_exit`.

        Raises:
            NotStarted: the app's start failed.
        """
        try:
            await super().serve(sockets)
        except SystemExit:
            raise NotStarted(f"{self._name} did not start.") from None

    async def until_started(self, serving: "asyncio.Task[None]") -> None:
        """Return when the server takes requests; raise what it failed with when it never will."""
        while not self.started and not serving.done():  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.005)
        if serving.done():
            serving.result()


def config(app: App) -> uvicorn.Config:
    """How every server of the shop is set up."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # from loopback it would take what clients say of where they are for true
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=5,
    )


def serve(app: App, sock: socket.socket) -> None:
    """Serve an app until SIGINT or SIGTERM: what a process with a single role does."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its line for each call names whose basket it was
    uvicorn.Server(config(app)).run(sockets=[sock])
