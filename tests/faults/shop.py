"""The whole shop, every app in a process of its own, which the monkey can end: it is soon started again.

A shop without some of its mechanisms is one process, which is soon started and shows as well what is missing.
"""

import asyncio
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Final, TypeVar

from frontispiece.cli.run.nats import running_nats
from frontispiece.cli.run.up import Up
from frontispiece.server.supervisor import Supervisor
from tests.faults.proxy import Mishaps, Proxy
from tests.faults.sabotage import take_away
from tests.support.postgres import supervised_postgres
from tests.support.shop import CHEAP_RUN, PROJECT, database_variables

Result = TypeVar("Result")

RESTARTS_SOONER: Final = 10
"""The supervisor's clock runs so many times faster: a program that ends often waits for 3 s, not for 30."""

VARIABLES: Final = {
    **CHEAP_RUN,
    "SHIPPING_DISPATCH_DELAY": "1",
    "SHIPPING_DELIVERY_DELAY": "2",
    "ACQUIRER_FAULTS": '{"error_rate": 0.05, "timeout_rate": 0.03, "hang": 3, "duplicate_rate": 0.05}',
}


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop that serves.

    Args:
        url: of the gateway.
        nats_url: of the broker, past the proxy.
        data: its folder.
        supervisor: of its processes.
    """

    url: str
    nats_url: str
    data: Path
    supervisor: Supervisor

    def instances(self, name: str) -> list[str]:
        """The processes of an app or a server, by name."""
        return sorted(each for each in self.supervisor.processes if re.fullmatch(rf"{name}(-\d+)?", each))

    def pid_of(self, name: str, turn: int = 0) -> int | None:
        """The process of an app or a server, of several each in turn; None while it does not run."""
        names = self.instances(name)
        process = self.supervisor.processes.get(names[turn % len(names)]) if names else None
        return process.pid if process is not None and process.poll() is None else None


def run_shop(
    data: Path,
    work: Callable[[Shop], Awaitable[Result]],
    *,
    mishaps: Mishaps,
    seed: int,
    on_postgresql: bool,
    without: Collection[str] = (),
) -> Result:
    """What a coroutine returns that runs beside a shop, in the main thread of a process of its own.

    Args:
        data: the shop's folder.
        work: the coroutine.
        mishaps: what happens to messages between the apps and the broker.
        seed: of their choice.
        on_postgresql: whether the databases are on a PostgreSQL server, and not in files.
        without: the mechanisms that `sabotage` takes away.

    Raises:
        BaseException: what the coroutine raises.
    """
    data.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(clock=lambda: RESTARTS_SOONER * time.monotonic())
    with (
        running_nats(data / "nats", supervisor=supervisor) as nats,
        running_proxy(nats.url, mishaps, seed) as proxied,
        supervised_postgres(supervisor) if on_postgresql else nullcontext() as postgres,
    ):
        if postgres is not None:
            os.environ |= database_variables(postgres.new_database)
        os.environ |= {**VARIABLES, "EVENTS_URL": proxied, "EVENTS_MONITOR_URL": nats.monitor_url}
        os.environ["REGISTRY_URL"] = nats.url  # past the proxy: what it does is done to events
        take_away(without)
        up = Up(
            project=PROJECT,
            port=0,
            data=data,
            routes=PROJECT.routes,
            processes=not without,
            supervisor=supervisor,
        )
        return _run_shop(up, nats.url, work)


@contextmanager
def running_proxy(server: str, mishaps: Mishaps, seed: int) -> Iterator[str]:
    """A proxy for the duration of the block; gives its URL.

    It has a process of its own: this one, as long as it has a single thread, forks the apps.
    """
    forking = get_context("fork")
    receiver, sender = forking.Pipe(duplex=False)

    async def serve() -> None:
        async with Proxy(server, mishaps, seed).listening() as url:
            sender.send(url)
            await asyncio.Event().wait()

    process = forking.Process(target=lambda: asyncio.run(serve()), daemon=True)
    process.start()
    try:
        yield receiver.recv()
    finally:
        process.terminate()
        process.join()


def _run_shop(up: Up, nats_url: str, work: Callable[[Shop], Awaitable[Result]]) -> Result:
    result: Future[Result] = Future()

    async def finish(url: str) -> Result:
        return await work(Shop(url=url, nats_url=nats_url, data=up.data, supervisor=up.supervisor))

    def run(url: str) -> None:
        try:
            result.set_result(asyncio.run(finish(url)))
        except BaseException as error:  # noqa: BLE001 (the main thread raises it)
            result.set_exception(error)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    up.run(lambda shop: Thread(target=run, args=[shop.url], daemon=True).start())
    if not result.done():
        raise KeyboardInterrupt
    return result.result()
