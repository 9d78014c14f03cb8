"""Services beside a database, a key-value store and a broker that stand still for a while (SIGSTOP)."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import (
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
import httpx

from frontispiece.cli.run.nats import running_nats
from frontispiece.cli.run.valkey import running_valkey
from frontispiece.events import EventData, EventSettings
from frontispiece.events.broker import BROKER_ERRORS, connected
from frontispiece.events.envelope import broker_subject, encode
from frontispiece.http.timeout_header import TIMEOUT_HEADER
from frontispiece.server.supervisor import Supervisor
from frontispiece.settings import TokenSettings
from tests.contracts.worlds import WORLDS, callers
from tests.support.apps import Parts
from tests.support.events import event
from tests.support.postgres import Postgres

IN_TIME: Final = 15.0
"""Seconds until an answer counts as missing, on a busy machine; what hangs would take for ever."""

RECOVERED_WITHIN: Final = 60.0

SHORT: Final = 1.5
"""The seconds of a deadline that is to pass."""

OK: Final = 200
DONE: Final = "done"
LATER: Final = "later"


class Service:
    """A service that runs, and a caller who may do everything.

    Args:
        name: of the service.
        app: itself.
        http: a client of it.
        signing_key: of the caller's tokens.
        broker_url: of the broker, past what stands still.
        folder: for its files.
    """

    def __init__(
        self,
        *,
        name: str,
        app: Any,
        http: httpx.AsyncClient,
        signing_key: str,
        broker_url: str,
        folder: Path,
    ) -> None:
        self.name, self.app, self.folder = name, app, folder
        self._http, self._signing_key, self._broker_url = http, signing_key, broker_url
        self.publishing: list[asyncio.Task[None]] = []
        self.deadline = IN_TIME
        """Seconds that the caller of a read waits."""
        self.watched = IN_TIME
        """Seconds that a message has until it counts as not done."""

    @property
    def _headers(self) -> dict[str, str]:
        """A token, which is valid for a minute."""
        return callers(self.name, self._signing_key)[0]

    async def get(self, path: str) -> str:
        """The status of a read."""
        timeout = {TIMEOUT_HEADER.decode(): f"{self.deadline * 1000:.0f}"}
        return str((await self._http.get(path, headers={**self._headers, **timeout})).status_code)

    async def count_after(self, path: str, body: object, key: str) -> int:
        """How many items a list has, once it has seen a write that is repeated with its key."""
        written = await self._http.post(path, json=body, headers={**self._headers, "Idempotency-Key": key})
        headers = {**self._headers, "Min-Position": written.headers["Position"]}
        while (response := await self._http.get(path, headers=headers)).status_code != OK:
            pass
        return len(response.json()["items"])

    async def post_form(self, path: str, form: dict[str, str]) -> str:
        """The status of a form."""
        return str((await self._http.post(path, data=form)).status_code)

    async def json(self, path: str) -> Any:
        """What a read without deadline responds."""
        return (await self._http.get(path, headers=self._headers)).json()

    async def send(self, method: str, path: str, body: object, **headers: str) -> str:
        """The status of a write."""
        response = await self._http.request(method, path, json=body, headers={**self._headers, **headers})
        return str(response.status_code)

    async def call(self, method: str, request: Any, timeout: float) -> str:  # noqa: ASYNC109 (gRPC's)
        """The status of a call by gRPC."""
        from shop.pb.discount_pb2_grpc import DiscountsStub  # noqa: PLC0415

        metadata = [(name.lower(), value) for name, value in self._headers.items()]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.app.state.grpc_port}") as channel:
            try:
                await getattr(DiscountsStub(channel), method)(request, metadata=metadata, timeout=timeout)
            except grpc.aio.AioRpcError as error:
                return error.code().name
        return "OK"

    def publish(self, data: EventData, subject: str) -> None:
        """Have the broker deliver a message to the service, as soon as it takes it."""
        self.publishing.append(asyncio.create_task(self._publish(data, subject)))

    async def comes_to_be(self, is_done: Callable[[], Awaitable[bool]]) -> str:
        """`DONE` when something is done while this service is watched, else `LATER`."""
        try:
            async with asyncio.timeout(self.watched):
                while not await is_done():  # noqa: ASYNC110 (it has to be asked for)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return LATER
        return DONE

    async def _publish(self, data: EventData, subject: str) -> None:
        payload = encode(event(data, subject=subject))
        while True:
            with suppress(*BROKER_ERRORS):
                async with connected(self._broker_url, "test") as connection:
                    await connection.streams.publish(broker_subject(type(data)), payload, timeout=5)
                    return
            await asyncio.sleep(0.05)

    async def waiting_messages(self) -> float:
        """How many wait in its outbox, as its metrics say."""
        lines = (await self._http.get("/metrics")).text.splitlines()
        return sum(
            float(line.rpartition(" ")[2]) for line in lines if line.startswith("events_outbox_waiting{")
        )


@dataclass(frozen=True, kw_only=True)
class Probes:
    """What is asked of a service.

    Args:
        read: what a read responds: a status.
        write: what a write with a new key responds: a status, or `LATER` where it is a message.
        is_done: whether that write has been done, after it was repeated with the same key.
    """

    read: Callable[[Service], Awaitable[str]]
    write: Callable[[Service, str], Awaitable[str]] | None = None
    is_done: Callable[[Service, str], Awaitable[bool]] | None = None


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
    postgres: Postgres, folder: Path, names: list[str], signing_key: str, tokens: TokenSettings
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
                "its Valkey": lambda: stopped(supervisor.processes["Valkey"].pid),
                "the broker": lambda: stopped(supervisor.processes["NATS"].pid),
            }
        )
        for name in names:
            place = folder / name
            place.mkdir()
            parts = Parts(
                folder=place,
                tokens=tokens,
                signing_key=signing_key,
                database_url=stack.enter_context(postgres.database(name)),
                valkey_url=valkey_url,
                events=events,
            )
            fuzzed = await stack.enter_async_context(WORLDS[name](parts))
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
    for service in running.services.values():
        service.deadline = SHORT if part.startswith("its") else IN_TIME
        service.watched = IN_TIME if part == "nothing" else SHORT
    with running.stops[part]():
        found = await asyncio.gather(*(_ask(running.services[name], probes[name], key) for name in probes))
    for service in running.services.values():
        service.deadline = IN_TIME
    seen = dict(zip(probes, found, strict=True))
    recovered = (_recovers(running.services[name], probes[name], key) for name in probes)
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
