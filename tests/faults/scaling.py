"""Instances of catalog that come, stop and are killed while gateways read them, and a registry that is away.

python -m tests.faults.scaling --away 60
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from urllib.parse import urlsplit

from frontispiece.cli.client.admin import address_of, request
from frontispiece.cli.run.nats import read_addresses
from frontispiece.cli.run.secrets import load
from tests.faults.reads import WORKERS, Reads, reading
from tests.support.front import run
from tests.support.gateway_process import Gateway, running_gateway
from tests.support.shop import PROJECT, RunningShop, running_shop
from tests.support.waiting import until

ADDITIONS = 3
"""How often an instance comes and stops."""

DEVIATIONS = 3
"""Standard deviations by which a share may fall short of the fair one: chance is part of the choice."""

SECOND = """
[services.catalog]
url = "registry://catalog"

[[routes]]
path = "/api/catalog/products"
to = "catalog:/products"
auth = "none"
retry = {}
"""
"""The routes of the second gateway."""


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


def nats_of(shop: RunningShop) -> str:
    """The URL of the shop's registry."""
    nats = read_addresses(shop.data / "nats")
    assert nats is not None
    return nats.url


@contextmanager
def second_gateway(shop: RunningShop) -> Iterator[Gateway]:
    """Another gateway before the same services, in a process of its own."""
    key = load(PROJECT, shop.data)["GATEWAY_SIGNING_KEY"]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_gateway(Path(folder), key, SECOND, REGISTRY_URL=nats_of(shop)) as gateway,
    ):
        yield gateway


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What is to hold for the shop's gateway and further ones.

    Args:
        shop: the shop.
        admins: the admin port of each gateway, with its token.
        reads: of all.
        say: takes a line for each thing that holds.
    """

    shop: RunningShop
    admins: Sequence[tuple[str, str]]
    reads: Reads
    say: Callable[[str], object]

    def seen(self) -> list[set[str]]:
        """The instances of catalog that `front services` lists, at each gateway."""
        rows = [request("GET", *admin, "/admin/services") for admin in self.admins]
        return [{row["address"] for row in each if row["service"] == "catalog"} for each in rows]

    async def agree(self, instances: int, when: str) -> None:
        """Return when all gateways, and who reads past them, see the same instances, and so many."""

        def do() -> bool:
            there = set(self.reads.balancer.addresses)
            return len(there) == instances and all(seen == there for seen in self.seen())

        await until(do)
        self.say(f"{len(self.admins)} gateways see the same instances {when}: {instances}")

    async def added(self, instances: int) -> None:
        """An instance that comes has its share at once."""
        reads = self.reads
        known = set(reads.balancer.addresses)
        scaling = asyncio.create_task(scale(self.shop, instances))
        await until(lambda: len(reads.balancer.addresses) == instances)
        reads.wanted.set()
        new, *_ = set(reads.balancer.addresses) - known
        before = reads.calls.copy()
        await reads.go_on(1.0)
        calls = reads.calls - before
        fair, total = 1 / instances, calls.total()
        share = calls[new] / total
        self.say(f"one of {instances} instances has {share:.0%} of the {total} calls of its first second")
        assert share > fair - DEVIATIONS * sqrt(fair * (1 - fair) / total)
        await scaling
        await self.agree(instances, "after an addition")

    async def stopped(self, instances: int) -> None:
        """An instance that stops gracefully fails no call."""
        await scale(self.shop, instances)
        await self.reads.go_on(1.0)
        assert (self.reads.failed, self.reads.failed_at_gateway) == (0, [])
        self.say("an instance stopped gracefully: 0 calls failed")
        await self.agree(instances, "after a graceful stop")

    async def killed(self, instances: int) -> None:
        """When an instance is killed, only what is in flight there fails, and no read that is retried."""
        reads = self.reads
        there = set(reads.balancer.addresses)
        os.kill(process_of(self.shop, "serve catalog"), signal.SIGKILL)
        await reads.go_on(1.0)
        self.say(
            f"kill -9: {reads.failed} calls in flight failed, {len(reads.failed_at_gateway)} retried reads"
        )
        assert reads.failed <= WORKERS
        assert reads.failed_at_gateway == []
        await until(lambda: set(reads.balancer.addresses) != there)
        await self.agree(instances, "after a kill -9")

    async def registry_away(self, instances: int, seconds: float) -> None:
        """While the registry is away, all goes on with the instances that were known last."""
        reads, lost = self.reads, self.reads.failed
        await scale(self.shop, instances)
        await self.agree(instances, "before the registry goes")
        before, there = reads.calls.copy(), set(reads.balancer.addresses)
        nats = process_of(self.shop, "nats-server")
        os.kill(nats, signal.SIGSTOP)
        try:
            await reads.go_on(seconds)
            assert all(seen == there for seen in self.seen())
        finally:
            os.kill(nats, signal.SIGCONT)
        now = reads.calls - before
        self.say(f"registry away for {seconds:g} s: {now.total()} calls, {reads.failed - lost} failed")
        assert now.keys() == there
        await reads.go_on(10.0)
        assert (reads.failed, reads.failed_at_gateway) == (lost, [])
        assert set(reads.balancer.addresses) == there
        await self.agree(instances, "when the registry is back")


async def prove(
    shop: RunningShop,
    *further: Gateway,
    instances: int = 3,
    away: float = 0,
    say: Callable[[str], object],
) -> None:
    """Have instances come, stop and be killed, and the registry be away for so many seconds."""
    admins = [address_of(shop.data), *((urlsplit(each.admin[0]).netloc, "") for each in further)]
    async with reading(nats_of(shop), [shop.url, *(each.url for each in further)]) as reads:
        proof = Proof(shop=shop, admins=admins, reads=reads, say=say)
        await proof.agree(1, "at first")
        if instances > 2:
            await scale(shop, 2)
            for _ in range(ADDITIONS):
                await proof.added(instances)
                await proof.stopped(2)
        else:
            await proof.added(instances)
        await proof.killed(2)
        if away:
            await proof.registry_away(instances, away)
        reads.wanted.clear()
        await scale(shop, 1)
        await proof.agree(1, "at the end")


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="tests.faults.scaling", description=__doc__)
    parser.add_argument("--away", type=float, default=60.0, help="seconds that the registry is away")
    parser.add_argument("--processes", action="store_true", help="every app in a process of its own")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="scaling-") as data,
        running_shop(Path(data), *(["--processes"] if arguments.processes else [])) as shop,
        second_gateway(shop) as second,
    ):
        asyncio.run(prove(shop, second, away=arguments.away, say=lambda line: print(line, flush=True)))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
