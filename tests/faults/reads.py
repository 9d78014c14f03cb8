"""Reads of the catalogue, made while its instances come and go."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from frontispiece.settings import Directory, RegistrySettings
from frontispiece.upstream import Reply, Request, UpstreamError, open_upstream
from frontispiece.upstream.discovery import registry
from frontispiece.upstream.load_balancer import LoadBalancer
from frontispiece.upstream.transports.http1 import Http1Transport
from tests.support.waiting import until

WORKERS = 2
"""Calls at a time of each kind."""

PAUSE = 0.02
"""Seconds between two calls of a worker: the machine has other work."""


class Counted(Http1Transport):
    """A transport that counts its calls by its address, in `calls`."""

    def __init__(self, address: str, calls: Counter[str]) -> None:
        super().__init__(address)
        self._address = address
        self._calls = calls

    async def send(self, request: Request) -> Reply:
        self._calls[self._address] += 1
        return await super().send(request)


@dataclass(kw_only=True)
class Reads:
    """Reads of the catalogue, by the gateway, which retries them, and past it, which nobody retries."""

    balancer: LoadBalancer
    calls: Counter[str] = field(default_factory=Counter)
    """Past the gateway, by address."""
    answered: int = 0
    failed: int = 0
    """Past the gateway."""
    failed_at_gateway: list[str] = field(default_factory=list)
    """At either."""
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while reads are made."""

    async def go_on(self, seconds: float) -> None:
        """Read for so long, and at least a hundred times."""
        before = self.answered
        await asyncio.sleep(seconds)
        await until(lambda: self.answered > before + 100)


@asynccontextmanager
async def reading(nats: str, gateways: Sequence[str]) -> AsyncIterator[Reads]:
    """Reads that are made while the block runs, at gateways in turn and past them."""
    calls: Counter[str] = Counter()
    known = registry("catalog", "", RegistrySettings(url=nats), ())
    balancer = LoadBalancer({}, health=None, discovery=known, connect=lambda address: Counted(address, calls))
    reads = Reads(balancer=balancer, calls=calls)
    numbers = count()

    async def past_gateway() -> None:
        try:
            async with await balancer.send(Request(method="GET", target="/products?sku=PENS-001")) as reply:
                await reply.read(100_000)
                reads.failed += reply.status != 200
        except UpstreamError:
            reads.failed += 1

    async with balancer, AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(open_upstream("gateway", url, Directory(services={})))
            for url in gateways
        ]

        async def at_gateway() -> None:
            number = next(numbers)
            target = f"/api/catalog/products?sku=PENS-001&n={number}"  # which no cache has
            try:
                async with await opened[number % len(opened)].send(
                    Request(method="GET", target=target)
                ) as reply:
                    body = await reply.read(100_000)
                    if reply.status != 200:
                        reads.failed_at_gateway.append(f"{reply.status} {body[:300]!r}")
            except UpstreamError as error:
                reads.failed_at_gateway.append(str(error))

        async def work() -> None:
            while await reads.wanted.wait():
                await asyncio.gather(past_gateway(), at_gateway())
                reads.answered += 1
                await asyncio.sleep(PAUSE)

        await until(lambda: len(balancer.addresses) > 0)
        workers = [asyncio.create_task(work()) for _ in range(WORKERS)]
        try:
            yield reads
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)
