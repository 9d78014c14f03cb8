"""Serving one app on one socket."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from front.guard import USUAL, Guard
from front.protocol import guarded
from front.websocket import LOG, LONGEST, guarded_websockets
from kit.asgi import App

GRACE = 2
"""Seconds that running requests have to finish when a server stops."""

TICK = 0.1
"""Seconds between two looks at what a server is told."""


COLLECTED_AFTER = (20_000, 20, 50)
"""How many more objects there must be for a collection, and how many of them for a wider one."""


class NotStarted(Exception):
    """A server could not start; why has been logged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How a server stops.

    Args:
        begin: is told that it will.
        notice: seconds that it still serves whatever comes, so that others learn not to send any more.
        within: seconds that running requests have after that.
    """

    begin: Callable[[], None] = lambda: None
    notice: float = 0.0
    within: int = GRACE


AT_ONCE = Ending()
"""Whoever calls this server stops before it does."""


class Server(uvicorn.Server):
    """A server that leaves signals, and the end of the process, to whoever runs it.

    Args:
        name: what it is called when it fails.
        app: what it serves.
        ending: how it stops.
        hung_up: is called at SIGHUP, if this is the server of a process of its own.
    """

    def __init__(
        self,
        name: str,
        app: App,
        ending: Ending = AT_ONCE,
        hung_up: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(config(app, ending.within))
        self.hung_up = hung_up
        self._name = name
        self._ending = ending

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

    async def main_loop(self) -> None:
        """Serve until told to stop, and then until that has been announced for long enough."""
        await super().main_loop()
        self._ending.begin()
        for tick in range(round(self._ending.notice / TICK)):
            if self.force_exit:  # told a second time
                return
            await asyncio.sleep(TICK)
            await self.on_tick(tick)

    async def until_started(self, serving: "asyncio.Task[None]") -> None:
        """Return when the server takes requests; raise what it failed with when it never will."""
        while not self.started and not serving.done():  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.005)
        if serving.done():
            serving.result()


def config(app: App, stops_within: int = GRACE, guard: Guard = USUAL) -> uvicorn.Config:
    """How every server of the shop is set up; of them all, only the gateway's app passes WebSockets."""
    upgrades = getattr(app, "passes_websocket", None)
    return uvicorn.Config(
        app,
        http=guarded(guard, upgrades),
        log_config=None,
        ws=guarded_websockets(guard) if upgrades else "none",
        ws_max_size=LONGEST,
        ws_per_message_deflate=False,  # a few bytes could become very many
        access_log=False,
        server_header=False,
        date_header=not getattr(app, "tells_date", False),
        proxy_headers=False,  # from loopback it would take what clients say of where they are for true
        timeout_graceful_shutdown=stops_within,
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
    LOG.setLevel(logging.WARNING)
    keep_what_is_loaded()
    run(_until_told(public, beside))


async def _until_told(public: Listening, beside: Sequence[Listening]) -> None:
    server, sock = public
    if server.hung_up is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, server.hung_up)
    with uvicorn.Server.capture_signals(server):
        async with running(beside):
            await server.serve([sock])
