"""The scale cube, measured: `python -m bench.scale`, four minutes; `--write` stores it.

The shop runs as `front up` starts it, in a network of its own: what passes over loopback is the shop's alone.
X: copies of catalog and of the gateway. Y: a process for every app, and one for all. Z: shards of ordering.
Clients get product pages and searches one after the other without a pause, and customers order, as in
`bench.checkout`; of each it prints the rate, and what one page or order took. `--write` stores this as
`results/scale.json`, and makes of it `results/scale.md`, the tables of `docs/scale.md` and both charts;
`--report` makes these anew of what is stored.
"""

import argparse
import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Sequence
from pathlib import Path
from time import perf_counter, sleep
from typing import Final

import msgspec

from bench import versions
from bench.checkout import Customer, Load, Shop, closed_loop, level, shop, wait_ready
from bench.checkout_report import Level
from bench.orders import Log, prepare
from bench.overload import ask
from bench.processes import STARTUP, tool
from bench.scale_model import STORES, Measured, Run
from bench.scale_report import STORED, report
from bench.scale_usage import Usage
from frontispiece.cli.run.scaling import scale
from shop.demo import KINDS, SKUS

CONNECTIONS: Final = 8
CUSTOMERS: Final = 8
REGISTERED: Final = 2000
"""How many customers are registered to measure what one takes on the disk."""

PATHS: Final = [
    path
    for number, sku in enumerate(SKUS)
    for path in (f"/web/products/{sku}", f"/web/search?type={[*KINDS.values()][number % 8].lower()}")
]


async def read_pages(ports: Sequence[int], seconds: float) -> tuple[int, int, Counter[str]]:
    """Get pages, the connections dealt over the gateways; gives pages, bytes, and what went wrong."""
    paths, failures, done, received = iter(PATHS * 1000), Counter[str](), 0, 0
    until = perf_counter() + seconds

    async def one_after_another(port: int) -> None:
        nonlocal done, received
        connection = await asyncio.open_connection("127.0.0.1", port)
        while perf_counter() < until:
            request = f"GET {next(paths)} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
            status, degraded, size = await ask(connection, request.encode())
            received += size
            done += status == 200  # noqa: PLR2004 (OK)
            failures.update([f"{status}"] if status != 200 else ["degraded"] if degraded else [])  # noqa: PLR2004 (OK)
        connection[1].close()

    await asyncio.gather(*(one_after_another(ports[n % len(ports)]) for n in range(CONNECTIONS)))
    return done, received, failures


class Bench:
    """A running shop, under measurement.

    Args:
        layout: what it is, in tables.
        running: the shop.
    """

    def __init__(self, layout: str, running: Shop) -> None:
        self.layout = layout
        self.url, self.pid, self.folder, urls = running
        self.ports = [int(self.url.rpartition(":")[2])]
        self.log = Log(self.folder, urls)

    def usage(self) -> Usage:
        """What it has used until now."""
        return Usage(self.pid, self.folder)

    async def pages(self, axis: str, seconds: float, layout: str = "") -> Run:
        """Measure pages, after some that warm the shop up."""
        await read_pages(self.ports, seconds / 3)
        before = self.usage()
        count, received, failures = await read_pages(self.ports, seconds)
        run = self.usage().run(
            before,
            axis=axis,
            layout=layout or self.layout,
            work="page",
            count=count,
            rate=count / seconds,
            received=received / max(1, count),
            failures=dict(failures),
        )
        return printed(run)

    async def orders(self, axis: str, seconds: float) -> Run:
        """Measure orders until all have ended, after some that warm the shop up."""
        customers = [Customer(f"bench{number}", self.url) for number in range(CUSTOMERS)]
        await asyncio.gather(*(customer.log_in() for customer in customers))
        await self._ended(closed_loop(customers[:4], seconds / 3), seconds / 3)
        before, shards = self.usage(), await self.log.placed()
        done = await self._ended(closed_loop(customers, seconds), seconds)
        placed = [now - then for now, then in zip(await self.log.placed(), shards, strict=True)]
        run = self.usage().run(
            before,
            axis=axis,
            layout=self.layout,
            work="order",
            count=sum(placed),
            rate=done.carried_out,
            received=0,
            largest_shard=max(placed) / max(1, sum(placed)),
            failures=dict(Counter(done.failures)),
        )
        for customer in customers:
            await customer.close()
        return printed(run)

    async def _ended(self, loading: Awaitable[Load], seconds: float) -> Level:
        return await level(self.layout, self.log, self.pid, seconds, loading)

    def copies(self, service: str) -> None:
        """Run two instances of a service; of the gateway, connections go to both."""
        if service != "gateway":
            command = ["scale", f"{service}=2", "--data", str(self.folder)]
            subprocess.run([sys.executable, "-m", "frontispiece.cli", *command], check=True)  # noqa: S603 (ours)
            return
        before = _listening()  # a gateway does not stand in the registry
        scale(self.folder, {service: 2})
        until = perf_counter() + STARTUP
        while not (new := _listening() - before):
            assert perf_counter() < until, "no second gateway listens"
            sleep(0.1)
        self.ports += new
        wait_ready(f"http://127.0.0.1:{self.ports[-1]}")


def printed(run: Run) -> Run:
    """Print a run, and return it."""
    parts = ", ".join(f"{app} {used * 1e3:.1f}" for app, used in run.cpu.items() if used > run.total / 50)
    line = f"{run.axis}, {run.layout}: {run.rate:.1f} a second, {run.total * 1e3:.1f} ms each: {parts}"
    print(line, dict(run.failures), flush=True)  # noqa: T201 (a program for the terminal)
    return run


def _listening() -> set[int]:
    lines = Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]
    fields = [line.split() for line in lines]
    return {int(each[1].rpartition(":")[2], 16) for each in fields if each[3] == "0A"}


async def registered(bench: Bench) -> float:
    """Register customers; returns the bytes of each in identity's database."""
    before = bench.usage().stored["identity"]
    await prepare(bench.log, [f"bench{number}" for number in range(REGISTERED)])
    return (bench.usage().stored["identity"] - before) / REGISTERED


async def apart(bench: Bench, seconds: float) -> Measured:
    """Measure a process for every app with the default shards: axis X, and its share of Y and Z."""
    customer = await registered(bench)
    runs = [await bench.pages("X", seconds, "1 catalog, 1 gateway")]
    runs.append(msgspec.structs.replace(runs[0], axis="Y", layout=bench.layout))
    runs.append(await bench.orders("Y", seconds))
    for service, layout in (("catalog", "2 catalogs, 1 gateway"), ("gateway", "2 catalogs, 2 gateways")):
        await asyncio.to_thread(bench.copies, service)
        runs.append(await bench.pages("X", seconds, layout))
    resident = [size for app, size in bench.usage().resident.items() if app not in STORES]
    return Measured(machine="", runs=runs, resident=sum(resident) / len(resident), customer=customer)


async def one_process(bench: Bench, seconds: float) -> list[Run]:
    """Measure all apps in one process: axis Y."""
    await registered(bench)
    return [await bench.pages("Y", seconds), await bench.orders("Y", seconds)]


async def sharded(bench: Bench, seconds: float) -> list[Run]:
    """Measure a number of shards: axis Z."""
    await registered(bench)
    return [await bench.orders("Z", seconds)]


def measured(seconds: float) -> Measured:
    """Make all runs."""
    machine = f"{versions.machine()}; load average {os.getloadavg()[0]:.1f} before the run"
    options = ("--no-admin", "--processes")
    with shop("sqlite", *options) as running:
        first = asyncio.run(apart(Bench("a process for every app", running), seconds))
    runs = list(first.runs)
    with shop("sqlite", options[0]) as running:
        runs += asyncio.run(one_process(Bench("one process", running), seconds))
    for shards in (1, 2, 4):
        with shop("sqlite", *options, shards=shards) as running:
            runs += asyncio.run(sharded(Bench(f"{shards}", running), seconds))
    runs.sort(key=lambda run: (run.axis, run.work != "page"))
    return Measured(machine=machine, runs=runs, resident=first.resident, customer=first.customer)


IN_A_NETWORK_OF_ITS_OWN: Final = (
    "--map-root-user",
    "--net",
    "sh",
    "-c",
    'ip link set lo up && exec "$@"',
    "sh",
)


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=8.0, help="of each load")
    parser.add_argument("--write", action="store_true", help="store the results, and write the pages")
    parser.add_argument("--report", action="store_true", help="write the pages of the stored results")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.report:
        report()
    elif options.inside:
        results = measured(options.seconds)
        if options.write:
            STORED.write_bytes(msgspec.json.encode(results) + b"\n")
            report()
    else:
        unshare = tool("unshare", "util-linux")
        again = (sys.executable, "-m", "bench.scale", *sys.argv[1:], "--inside")
        os.execv(unshare, [unshare, *IN_A_NETWORK_OF_ITS_OWN, *again])  # noqa: S606 (no shell reads them)


if __name__ == "__main__":
    main()
