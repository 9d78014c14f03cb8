"""Services beside a database, a key-value store and a broker that stand still for a while (SIGSTOP)."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from frontispiece.cli.run.nats import running_nats
from frontispiece.cli.run.valkey import running_valkey
from frontispiece.events import EventSettings
from frontispiece.server.supervisor import Supervisor
from frontispiece.settings import TokenSettings
from tests.contracts.worlds import WORLDS
from tests.services.probed import IN_TIME, Service
from tests.support.apps import Parts
from tests.support.postgres import Postgres

ANOTHER_SHARD: Final = "another shard"

RECOVERED_WITHIN: Final = 60.0

SHORT: Final = 1.5
"""The seconds of a deadline that is to pass."""


async def _nothing(_app: Any) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Probes:
    """What is asked of a service.

    Args:
        read: what a read responds: a status.
        write: what a write with a new key responds: a status, or `LATER` where it is a message.
        is_done: whether that write has been done, after it was repeated with the same key.
        prepare: is called with the app before.
    """

    read: Callable[[Service], Awaitable[str]]
    write: Callable[[Service, str], Awaitable[str]] | None = None
    is_done: Callable[[Service, str], Awaitable[bool]] | None = None
    prepare: Callable[[Any], Awaitable[object]] = _nothing


@dataclass(kw_only=True)
class Seen:
    """What a service responded while something stood still, and whether it recovered."""

    read: str
    write: str
    seconds: float
    recovered: bool = False


@dataclass(kw_only=True)
class World:
    """The services, and what can be made to stand still."""

    services: dict[str, Service] = field(default_factory=dict)
    stops: dict[str, Callable[[], AbstractContextManager[None]]] = field(default_factory=dict)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process stands still for the duration of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def world(
    postgres: Postgres, folder: Path, probes: Mapping[str, Probes], signing_key: str, tokens: TokenSettings
) -> AsyncIterator[World]:
    """These services, each with a database of its own on the server."""
    supervisor = Supervisor()
    async with AsyncExitStack() as stack:
        nats = stack.enter_context(running_nats(folder / "nats", supervisor=supervisor))
        valkey_url = stack.enter_context(running_valkey(folder / "valkey", supervisor=supervisor))
        events = EventSettings(url=nats.url, prefix="shop", min_backoff=0.05, max_backoff=0.5)
        running = World(
            stops={
                "nothing": nullcontext,
                "its database": postgres.suspended,
                ANOTHER_SHARD: postgres.suspended,
                "its Valkey": lambda: stopped(supervisor.processes["Valkey"].pid),
                "the broker": lambda: stopped(supervisor.processes["NATS"].pid),
            }
        )
        for name in probes:
            place = folder / name
            place.mkdir()
            parts = Parts(
                folder=place,
                tokens=tokens,
                signing_key=signing_key,
                database_url=stack.enter_context(postgres.database(name)),
                valkey_url=valkey_url,
                events=events,
                second_shard=True,
            )
            fuzzed = await stack.enter_async_context(WORLDS[name](parts))
            await probes[name].prepare(fuzzed.app)
            transport = httpx.ASGITransport(fuzzed.app, raise_app_exceptions=False)
            http = httpx.AsyncClient(transport=transport, base_url="http://service", timeout=None)  # noqa: S113
            running.services[name] = Service(
                name=name,
                app=fuzzed.app,
                http=await stack.enter_async_context(http),
                signing_key=signing_key,
                broker_url=nats.url,
                folder=place,
            )
        yield running


def key_of(part: str) -> str:
    """The key of writes while a part stands still."""
    return f"key-{part.replace(' ', '-')}"


async def observe(running: World, probes: dict[str, Probes], part: str) -> dict[str, Seen]:
    """What the services respond while a part stands still; they recover afterwards."""
    key = key_of(part)
    shard = "1" if part == ANOTHER_SHARD else "0"
    services = {name: running.services[name].called_from(shard) for name in probes}
    for service in services.values():
        service.deadline = SHORT if part.startswith("its") else IN_TIME
        service.watched = IN_TIME if part == "nothing" else SHORT
    with running.stops[part]():
        found = await asyncio.gather(*(_ask(services[name], probes[name], key) for name in probes))
    seen = dict(zip(probes, found, strict=True))
    for service in services.values():
        service.deadline = IN_TIME
    recovered = (_recovers(services[name], probes[name], key) for name in probes)
    for name, has_recovered in zip(probes, await asyncio.gather(*recovered), strict=True):
        seen[name].recovered = has_recovered
    return seen


async def _ask(service: Service, probes: Probes, key: str) -> Seen:
    begun = time.monotonic()
    writing = probes.write(service, key) if probes.write else asyncio.sleep(0, "-")
    tasks = [asyncio.ensure_future(each) for each in (probes.read(service), writing)]
    await asyncio.wait(tasks, timeout=IN_TIME)
    seconds = time.monotonic() - begun
    read, write = (task.result() if task.done() else "no answer" for task in tasks)
    return Seen(read=read, write=write, seconds=seconds)


async def _recovers(service: Service, probes: Probes, key: str) -> bool:
    """Whether reads succeed, the write is done once, and nothing waits for the broker."""
    try:
        async with asyncio.timeout(RECOVERED_WITHIN):
            while await probes.read(service) not in {"200", "OK"}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            while probes.is_done and not await probes.is_done(service, key):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            while await service.waiting_messages():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        return False
    return True
