"""Serving one app on one socket."""

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from front.guard import USUAL, Guard
from front.protocol import guarded
from kit.asgi import App

GRACE = 2
"""Seconds that running requests have to finish when a server stops."""


COLLECTED_AFTER = (20_000, 20, 50)
"""How many more objects there must be for a collection, and how many of them for a wider one."""


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


def config(app: App, guard: Guard = USUAL) -> uvicorn.Config:
    """How every server of the shop is set up."""
    return uvicorn.Config(
        app,
        http=guarded(guard),
        log_config=None,
        ws="none",  # nothing here speaks it, whatever may be installed that would
        access_log=False,
        server_header=False,
        proxy_headers=False,  # from loopback it would take what clients say of where they are for true
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=5,
    )


def keep_what_is_loaded() -> None:
    """Let the collector leave alone what is loaded by now, and look for new circles less often.

    What requests leave behind is freed at once, for it has no circles; what lives as long as the process
    would only be gone through again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)


Listening = tuple[Server, socket.socket]
"""A server, and the bound socket that it will listen on."""


@asynccontextmanager
async def running(servers: Sequence[Listening]) -> AsyncIterator[None]:
    """Servers that all take requests as long as the block lasts.

    Raises:
        NotStarted: one of them could not start.
    """
    tasks = [asyncio.create_task(server.serve([sock])) for server, sock in servers]
    try:
        for (server, _), task in zip(servers, tasks, strict=True):
            await server.until_started(task)
        yield
    finally:
        for server, _ in servers:
            server.should_exit = True
        await asyncio.gather(*tasks, return_exceptions=True)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to its end, on the fastest loop there is."""
    with asyncio.Runner(loop_factory=uvicorn.Config(app="", log_config=None).get_loop_factory()) as runner:
        runner.run(work)


def serve(public: Listening, beside: Sequence[Listening]) -> None:
    """Serve until SIGINT or SIGTERM, with others beside: what a process with a single role does.

    Raises:
        NotStarted: one of them could not start.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its line for each call names whose basket it was
    keep_what_is_loaded()
    run(_until_told(public, beside))


async def _until_told(public: Listening, beside: Sequence[Listening]) -> None:
    server, sock = public
    with uvicorn.Server.capture_signals(server):
        async with running(beside):
            await server.serve([sock])
