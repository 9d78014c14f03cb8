"""Instances of catalog that come, stop and are killed while the shop is read, and a registry that is away.

python -m tests.faults.scaling --away 60
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from frontispiece.cli.client.admin import address_of, request
from frontispiece.cli.run.nats import read_addresses
from frontispiece.settings import Directory, RegistrySettings
from frontispiece.upstream import Reply, Request, UpstreamError, open_upstream
from frontispiece.upstream.discovery import registry
from frontispiece.upstream.load_balancer import LoadBalancer
from frontispiece.upstream.transports.http1 import Http1Transport
from tests.support.front import run
from tests.support.shop import RunningShop, running_shop
from tests.support.waiting import until

WORKERS = 2
"""Calls at a time of each kind."""

PAUSE = 0.02
"""Seconds between two calls of a worker: the machine has other work."""

SHARE = 0.15
"""Of all calls, that one of three instances gets at least: chance is part of the choice."""


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
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while reads are made."""

    async def go_on(self, seconds: float) -> None:
        """Read for so long, and at least a hundred times."""
        before = self.answered
        await asyncio.sleep(seconds)
        await until(lambda: self.answered > before + 100)


@asynccontextmanager
async def reading(shop: RunningShop) -> AsyncIterator[Reads]:
    """Reads that are made while the block runs."""
    nats = read_addresses(shop.data / "nats")
    assert nats is not None
    calls: Counter[str] = Counter()
    known = registry("catalog", "", RegistrySettings(url=nats.url), ())
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

    async with balancer, open_upstream("gateway", shop.url, Directory(services={})) as gateway:

        async def at_gateway() -> None:
            target = f"/api/catalog/products?sku=PENS-001&n={next(numbers)}"  # which no cache has
            try:
                async with await gateway.send(Request(method="GET", target=target)) as reply:
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


def process_of(shop: RunningShop, *words: str) -> int:
    """The newest process that the shop has started with these words in its command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(") ")[2].split()[1])
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended meanwhile
            continue
        if parent == shop.process.pid and all(word in command for word in words):
            found.append(int(folder.name))
    return max(found)


async def scale(shop: RunningShop, instances: int) -> None:
    """Run `front scale`."""
    done = await asyncio.to_thread(run, "scale", f"catalog={instances}", "--data", shop.data)
    assert done.returncode == 0, done.stderr


def seen_by_gateway(shop: RunningShop) -> set[str]:
    """The instances of catalog that `front services` lists."""
    rows = request("GET", *address_of(shop.data), "/admin/services")
    return {row["address"] for row in rows if row["service"] == "catalog"}


async def prove(
    shop: RunningShop, *, instances: int = 3, away: float = 0, say: Callable[[str], object]
) -> None:
    """Have instances come, stop and be killed, and the registry be away for so many seconds."""
    async with reading(shop) as reads:
        known = set(reads.balancer.addresses)
        if instances > 2:
            reads.wanted.set()
        scaling = asyncio.create_task(scale(shop, instances))
        await until(lambda: len(reads.balancer.addresses) == instances)
        reads.wanted.set()
        new, *_ = set(reads.balancer.addresses) - known
        before = reads.calls.copy()
        await reads.go_on(1.0)
        share = (reads.calls - before)[new] / (reads.calls - before).total()
        say(f"one of {instances} instances has {share:.0%} of the calls of its first second")
        assert share > SHARE

        if instances > 2:
            await scaling
            await scale(shop, 2)
            await reads.go_on(1.0)
            say(f"an instance stopped gracefully: {reads.failed} calls failed")
        assert (reads.failed, reads.failed_at_gateway) == (0, [])
        await scaling

        os.kill(process_of(shop, "serve catalog"), signal.SIGKILL)
        await reads.go_on(1.0)
        lost = reads.failed
        say(f"kill -9: {lost} calls in flight failed, {len(reads.failed_at_gateway)} retried reads")
        assert lost <= WORKERS
        assert reads.failed_at_gateway == []

        if away:
            await scale(shop, instances)
            nats = process_of(shop, "nats-server")
            await until(lambda: len(reads.balancer.addresses) == instances)
            before, there = reads.calls.copy(), set(reads.balancer.addresses)
            os.kill(nats, signal.SIGSTOP)
            try:
                await reads.go_on(away)
            finally:
                os.kill(nats, signal.SIGCONT)
            now = reads.calls - before
            say(f"registry away for {away:g} s: {now.total()} calls, {reads.failed - lost} failed")
            assert now.keys() == there
            assert (reads.failed, reads.failed_at_gateway) == (lost, [])
            await reads.go_on(10.0)
            assert set(reads.balancer.addresses) == there
        reads.wanted.clear()
        await scale(shop, 1)
        await until(lambda: set(reads.balancer.addresses) == known == seen_by_gateway(shop))
        say("both callers see the same instances")


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="tests.faults.scaling", description=__doc__)
    parser.add_argument("--away", type=float, default=60.0, help="seconds that the registry is away")
    parser.add_argument("--processes", action="store_true", help="every app in a process of its own")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="scaling-") as data,
        running_shop(Path(data), *(["--processes"] if arguments.processes else [])) as shop,
    ):
        asyncio.run(prove(shop, away=arguments.away, say=lambda line: print(line, flush=True)))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
