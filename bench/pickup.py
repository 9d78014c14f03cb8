"""Milliseconds to find stores within 10 km among a million: `python -m bench.pickup`, some minutes.

The stores are generated into two SQLite shards under `.bench/pickup`, unless they are there. The service runs
as in production, in a process of its own; customers are near cities, which weigh by their people, and ask one
after the other and two at a time. `--write` puts it into `results/`.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final

import httpx

from bench import versions
from bench.processes import Program, cpu_seconds, free_port, listening
from bench.timing import percentile
from services.pickup.cli import generated
from services.pickup.maintenance import Maintenance
from services.pickup.places import places
from services.pickup.settings import ShardSettings
from services.pickup.shards import Shards
from shop.demo import SKUS

RESULTS: Final = Path(__file__).parent / "results" / "pickup.md"
FOLDER: Final = Path(".bench") / "pickup"
RADIUS: Final = 10_000
WARM_UP: Final = 200


def targets(number: int, skus: int) -> Iterator[str]:
    """Queries near cities, for baskets of so many articles."""
    dice = random.Random(7)  # noqa: S311 (the same in every run)
    cities = places()
    for _ in range(number):
        (city,) = dice.choices(cities, [each.people for each in cities])
        latitude, longitude = city.latitude + dice.gauss(0, 0.05), city.longitude + dice.gauss(0, 0.05)
        wanted = "".join(f"&sku={sku}" for sku in dice.sample(SKUS, skus))
        yield f"/nearby?latitude={latitude:.5f}&longitude={longitude:.5f}&radius={RADIUS}{wanted}"


async def measured(url: str, number: int, *, skus: int, clients: int) -> tuple[list[float], float]:
    """Milliseconds of each query, sorted, and the shards that one has read on average."""
    times: list[float] = []
    shards: list[int] = []
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        for target in targets(WARM_UP, skus):
            (await http.get(target)).raise_for_status()
        waiting = targets(number, skus)

        async def client() -> None:
            for target in waiting:
                begun = perf_counter()
                answer = await http.get(target)
                times.append((perf_counter() - begun) * 1000)
                shards.append(len(answer.raise_for_status().json()["shards"]))

        await asyncio.gather(*(client() for _ in range(clients)))
    return sorted(times), sum(shards) / len(shards)


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """The address of the service and the process that it runs in."""
    port = free_port()
    command = [sys.executable, "-m", "frontispiece.cli", "serve", "pickup", "--port", str(port)]
    program = Program(command=command, port=port, variables={"TOKEN_ISSUERS": "{}"})
    with listening(program, core=None, log=FOLDER / "log") as process:
        yield f"http://127.0.0.1:{port}", process


async def filled(number: int) -> str:
    """Generate the stores, and say what the shards have."""
    begun = perf_counter()
    added = await generated(number)
    seconds = perf_counter() - begun
    async with Shards(ShardSettings().urls) as shards:
        units = await Maintenance(shards).units()
    loads = [sum(unit.stores for unit in units if unit.shard == name) for name in shards.shards]
    how = f", generated in {seconds:.0f} s" if added else ""
    return f"{sum(loads):,} stores in {len(units):,} cells of {len(loads)} shards ({loads}){how}."


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stores", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--write", action="store_true", help="write the results to bench/results/")
    parser.add_argument("--quick", action="store_true", help="with 1,000 queries of each kind")
    options = parser.parse_args()
    if options.quick:
        options.queries = 1000
    FOLDER.mkdir(parents=True, exist_ok=True)
    urls = {name: {"database_url": f"sqlite:///{FOLDER.resolve()}/{name}.db"} for name in "01"}
    os.environ |= {"PICKUP_SHARDS": json.dumps(urls), "DATABASE_MIGRATE": "true"}
    lines = [asyncio.run(filled(options.stores))]
    print(lines[0], flush=True)  # noqa: T201 (a program for the terminal)
    with served() as (url, process):
        for skus, clients in ((0, 1), (3, 1), (3, 2)):
            begun = cpu_seconds(process)
            times, shards = asyncio.run(measured(url, options.queries, skus=skus, clients=clients))
            cpu = (cpu_seconds(process) - begun) / (options.queries + WARM_UP) * 1000
            milliseconds = (*(percentile(times, percent) for percent in (50, 99, 100)), cpu)
            figures = " | ".join(f"{each:.1f} ms" for each in milliseconds)
            lines.append(f"| {skus} articles | {clients} | {figures} | {shards:.3f} |")
            print(lines[-1], flush=True)  # noqa: T201 (a program for the terminal)
    if options.write:
        page = ABOUT.format(filled=lines[0], machine=versions.machine(), lines="\n".join(lines[1:]))
        RESULTS.write_text(page, encoding="utf-8")


ABOUT: Final = """\
# Stores within 10 km

`python -m bench.pickup`: customers look for the 20 nearest stores with all articles of a basket within
10 km, over HTTP, near cities that weigh by their people. Should be: p99 of at most 20 ms on two cores.

{filled}

{machine}

| basket | at a time | p50 | p99 | most | CPU of the service a query | shards read |
|---|--:|--:|--:|--:|--:|--:|
{lines}
"""


if __name__ == "__main__":
    main()
