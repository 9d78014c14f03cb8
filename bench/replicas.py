"""Reads a second of the catalogue with 0, 1 and 2 replicas: `python -m bench.replicas`, two minutes.

Readers search without a pause, while a writer changes prices and reads each change back by its position. The
servers share this machine's cores, so they take turns: one runs, two stand still, however many are read.
`--write` puts the table into `results/`.
"""

import argparse
import asyncio
import os
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from multiprocessing import Process
from pathlib import Path
from time import perf_counter, sleep
from typing import Final

import sqlalchemy as sa

from bench import versions
from bench.timing import percentile
from services.catalog.model import Named, Product, Search, Sort
from services.catalog.store import Store
from shop.money import Money
from tests.support.postgres import Postgres, running_postgres

RESULTS: Final = Path(__file__).parent / "results" / "replicas.md"
PRODUCTS: Final = 500
READERS: Final = 16
TURN: Final = 0.05
"""Seconds that a server runs, while the two others stand still."""

SERVER: Final = sa.text("SELECT current_setting('data_directory')")


@dataclass(kw_only=True)
class Counts:
    """What was done in a run."""

    seconds: list[float] = field(default_factory=list)
    """Each read's."""
    servers: Counter[str] = field(default_factory=Counter)
    """Reads of own writes by the server that had the position."""
    lost: int = 0
    """Own writes that were not read."""


def product(number: int, price: int = 100) -> Product:
    """A product of the catalogue."""
    return Product(
        sku=f"ART-{number:04d}",
        name=f"Pen number {number}",
        description="Writes well on paper of any kind, and lies well in the hand.",
        brand=Named(id=f"b{number % 40}", name=f"Brand {number % 40}"),
        type=Named(id=f"t{number % 20}", name=f"Type {number % 20}"),
        price=Money(amount=price + number, currency="EUR"),
        attributes={"nib": ["steel", {"width": "0.7 mm"}]},
        related=(),
    )


def take_turns(servers: list[Postgres]) -> None:
    """Let one server run at a time, until this process is ended."""
    for server in servers:
        server.suspend()
    for server in cycle(servers):
        server.resume()
        sleep(TURN)
        server.suspend()


async def read(store: Store, until: float, counts: Counts) -> None:
    """Search without a pause, one page after the other."""
    search = Search(words="pen", sort=Sort.PRICE)
    while (begun := perf_counter()) < until:
        await store.search(search, limit=20, min_position=0)
        counts.seconds.append(perf_counter() - begun)


async def write(store: Store, until: float, counts: Counts) -> None:
    """Change a price, and read it back."""
    number = 0
    while perf_counter() < until:
        number += 1
        await store.add([changed := product(1, price=number)])
        position = await store.database.position()
        async with store.database.read(position) as tx:
            counts.servers[(await tx.execute(SERVER)).scalar_one()] += 1
        found = await store.find([changed.sku], min_position=position)
        counts.lost += found[changed.sku].product.price != changed.price
        await asyncio.sleep(0.05)


async def measured(url: str, replicas: list[str], seconds: float) -> Counts:
    """Readers and a writer for so many seconds."""
    counts = Counts()
    async with Store(url, replicas=replicas) as store:
        await asyncio.sleep(2)  # until it knows the replicas
        until = perf_counter() + seconds
        readers = (read(store, until, counts) for _ in range(READERS))
        await asyncio.gather(write(store, until, counts), *readers)
    return counts


async def fill(url: str) -> None:
    """Put the products into a new database."""
    async with Store(url) as store:
        await store.add([product(number) for number in range(PRODUCTS)])


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=15, help="of each run")
    parser.add_argument("--write", action="store_true", help="write the results to bench/results/")
    options = parser.parse_args()
    os.environ |= {"DATABASE_MIGRATE": "true", "DATABASE_MAX_REPLICA_LAG": "2"}
    lines = []
    with ExitStack() as stack:
        primary = stack.enter_context(running_postgres())
        url = primary.new_database()
        asyncio.run(fill(url))
        replicas = [stack.enter_context(primary.replica()) for _ in range(2)]
        servers = [primary, *replicas]
        turns = Process(target=take_turns, args=[servers], daemon=True)
        turns.start()
        try:
            for number in range(3):
                urls = [replica.url_at(primary, url) for replica in replicas[:number]]
                counts = asyncio.run(measured(url, urls, options.seconds))
                lines.append(line(number, counts, options.seconds, str(primary.folder)))
                print(lines[-1], flush=True)  # noqa: T201 (a program for the terminal)
        finally:
            turns.terminate()
            turns.join()
            for server in servers:
                server.resume()
    if options.write:
        RESULTS.write_text(
            ABOUT.format(products=PRODUCTS, machine=versions.machine(), lines="\n".join(lines)),
            encoding="utf-8",
        )


def line(number: int, counts: Counts, seconds: float, primary: str) -> str:
    """A line of the table."""
    own = counts.servers.total()
    at_replica = (own - counts.servers[primary]) / own if number else 0
    rate = len(counts.seconds) / seconds
    times = " | ".join(f"{percentile(counts.seconds, percent) * 1000:,.0f}" for percent in (50, 99))
    return f"| {number} | {rate:,.0f} | {times} | {own / seconds:.1f} | {at_replica:.0%} | {counts.lost} |"


ABOUT: Final = """\
# Reads from replicas

`python -m bench.replicas`: 16 readers search {products} products without a pause, while a writer changes a
price, waits for 50 ms, and so on; it reads each change back with the position of its write. Three PostgreSQL
servers do not fit two cores beside the readers, so they take turns of 50 ms, in every line alike: each has a
third of the time. Reads without a position go to replicas alone, where there are any: the first one takes
them from the primary, the second one doubles them.

{machine}

| replicas | reads/s | p50, ms | p99, ms | writes/s | read back at a replica | not read back |
|--:|--:|--:|--:|--:|--:|--:|
{lines}
"""


if __name__ == "__main__":
    main()
