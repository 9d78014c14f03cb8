"""News in timelines of 1,000,000 follows: `python -m bench.feed`, 15 minutes, or `--quick`, 90 s.

`--write` stores it.

First the feed service itself: catalog's events come through its outbox and the broker at a fixed rate, while
readers get timelines over HTTP, by a fixed schedule, too. The lag of an event is from its own time until its
news is in the timelines of all shards. Then both strategies: the store alone, with other limits of followers,
and what news and reads cost of processor time.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import shutil
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import sqlalchemy as sa

from bench import versions
from bench.feed_chart import DEFAULT, LIMITS, Cost, chart, table
from bench.issuer import signing_key
from bench.processes import Program, cpu_seconds, free_port, listening
from frontispiece.cli.run.nats import NatsAddresses, running_nats
from frontispiece.events import EventSettings, Messaging, Outbox
from frontispiece.security import Identity, Signer, issuers, private_key
from frontispiece.shards import ids_at
from frontispiece.stores import Database
from services.catalog.events import PriceChanged
from services.feed.model import Kind, News
from services.feed.store import Store
from services.feed.tables import brands, follows, generations

RESULTS: Final = Path(__file__).parent / "results"
FOLLOWS, OWNERS, BRANDS = 1_000_000, 100_000, 1000
SKEW: Final = 0.8
"""Followers of the brand of rank k are as many as k to the power of minus this: the largest has 64,000."""

SHARDS: Final = ("0", "1")
READERS: Final = 2
LONG_AGO: Final = ids_at(datetime(2025, 1, 1, tzinfo=UTC)).start
SETTLED: Final = 60.0
"""Seconds after the last event until what has not come by then is taken for lost."""


def owner(number: int) -> str:
    """A customer's id, as long as identity's."""
    return f"3f2a9c1e-0000-4000-8000-{number:012x}"


async def fill(folder: Path, limit: int) -> None:
    """Make the shards, with all follows."""
    random = Random(1)  # noqa: S311 (the same in every run)
    weights = [rank**-SKEW for rank in range(1, BRANDS + 1)]
    async with open_store(folder, limit) as store:
        rows: dict[str, list[dict[str, object]]] = {name: [] for name in SHARDS}
        names = {id(shard): name for name, shard in store.shards.items()}
        for rank, weight in enumerate(weights):
            followers = min(OWNERS, round(FOLLOWS * weight / sum(weights)))
            for number in random.sample(range(OWNERS), followers):
                row = {"owner": owner(number), "brand": f"brand-{rank}", "since": LONG_AGO}
                rows[names[id(store.of(owner(number)))]].append(row)
        for name, shard in store.shards.items():
            async with shard.database.write() as tx:
                ordered = sorted(rows[name], key=lambda row: (row["owner"], row["brand"]))
                await tx.execute(follows.insert(), ordered)
                counted = sa.select(follows.c.brand, sa.func.count()).group_by(follows.c.brand)
                await tx.execute(brands.insert().from_select(["brand", "followers"], counted))
                await tx.execute(generations.update().values(is_complete=True))


def open_store(folder: Path, limit: int) -> Store:
    """The shards in a folder."""
    return Store({name: f"sqlite:///{folder}/feed-{name}.db" for name in SHARDS}, limit=limit)


# The service: lag and reads


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """What the service did: seconds, each."""

    lags: Sequence[float]
    lost: int
    reads: Sequence[float]
    failed_reads: int
    cpu: float
    """Processor time of the service."""


@contextmanager
def running_feed(folder: Path, nats: NatsAddresses, key: str) -> Iterator[tuple[str, int]]:
    """The feed service as production serves it; gives its address and its process."""
    port = free_port()
    shards = {name: {"database_url": f"sqlite:///{folder}/feed-{name}.db"} for name in SHARDS}
    variables = {
        **os.environ,
        "DATABASE_MIGRATE": "true",
        "EVENTS_URL": nats.url,
        "EVENTS_PREFIX": "shop",
        "FEED_SHARDS": json.dumps(shards),
        "FEED_SIGNING_KEY": key,
        "SERVICES": json.dumps({"catalog": "http://127.0.0.1:9", "inventory": "http://127.0.0.1:9"}),
        "TOKEN_ISSUERS": json.dumps(issuers([("bff-web", private_key(key))])),
    }
    command = [sys.executable, "-m", "frontispiece.cli", "serve", "feed", "--port", f"{port}"]
    program = Program(command=command, port=port, variables=variables)
    with listening(program, core=None, log=folder / "feed.log") as process:
        yield f"127.0.0.1:{port}", process


async def publish(nats: NatsAddresses, folder: Path, rate: float, number: int) -> dict[str, float]:
    """Publish price drops as catalog does; gives the time of each event by its id."""
    random, metadata = Random(2), sa.MetaData()  # noqa: S311 (as above)
    outbox = Outbox(metadata, source="catalog")
    settings = EventSettings(url=nats.url, prefix="shop")
    times: dict[str, float] = {}
    async with (
        Database(f"sqlite:///{folder}/catalog.db", metadata) as database,
        Messaging(settings, service="catalog", database=database, outbox=outbox),
    ):
        begun = time.monotonic()
        for count in range(number):
            await asyncio.sleep(max(0.0, begun + count / rate - time.monotonic()))
            data = PriceChanged(
                sku=f"SKU-{count}",
                brand=f"brand-{random.randrange(BRANDS)}",
                amount=900,
                currency="EUR",
                amount_before=1000,
                currency_before="EUR",
                version=count,
            )
            async with database.write() as tx:
                event = await outbox.add(tx, data, subject=data.sku)
            times[event.id] = event.time.timestamp()
        async with asyncio.timeout(60):
            while True:
                async with database.read() as tx:
                    if (await outbox.lag(tx)).waiting == 0:
                        return times
                await asyncio.sleep(0.05)


def watch(folder: Path, number: int, done: "multiprocessing.connection.Connection") -> None:
    """See when news are in all shards, until all are or nothing comes any more.

    Sends that it begins, and at the end the times by fact.
    """
    shards = [sqlite3.connect(f"file:{folder}/feed-{name}.db?mode=ro", uri=True) for name in SHARDS]
    seen: list[dict[str, float]] = [{} for _ in shards]
    done.send(None)
    latest = time.monotonic()
    while any(len(each) < number for each in seen) and time.monotonic() < latest + SETTLED:
        recent = ids_at(datetime.now(UTC) - timedelta(seconds=SETTLED)).start
        for shard, facts in zip(shards, seen, strict=True):
            rows = shard.execute(
                "SELECT fact_id FROM news WHERE generation = 1 AND id > ?", (recent,)
            ).fetchall()
            now = time.time()
            for (fact,) in rows:
                if fact not in facts:
                    facts[fact] = now
                    latest = time.monotonic()
        time.sleep(0.05)
    done.send(
        {fact: max(each[fact] for each in seen) for fact in seen[0] if all(fact in each for each in seen)}
    )


def read(
    address: str,
    key: str,
    seed: int,
    rate: float,
    length: float,
    done: "multiprocessing.connection.Connection",
) -> None:
    """Get timelines of customers by a schedule.

    Sends that it begins, and at the end the seconds of each, and the failures.
    """
    random, signer = Random(seed), Signer(key, "bff-web")  # noqa: S311 (as above)
    connection = HTTPConnection(address)
    seconds: list[float] = []
    failed = 0
    done.send(None)
    due = time.monotonic()
    until = due + length
    while due < until:
        time.sleep(max(0.0, due - time.monotonic()))
        name = owner(random.randrange(OWNERS))
        identity = Identity(subject=name, scopes=frozenset({"shop"}))
        token = signer.authorization(identity, "feed").decode()
        begun = time.perf_counter()
        connection.request("GET", f"/timelines/{name}?limit=6", headers={"Authorization": token})
        response = connection.getresponse()
        response.read()
        seconds.append(time.perf_counter() - begun)
        failed += response.status != 200  # noqa: PLR2004 (OK)
        due += 1 / rate
    done.send((seconds, failed))


def served(folder: Path, number: int, rate: float, read_rate: float) -> Served:
    """Events and reads, at the same time."""
    key = signing_key()
    context = multiprocessing.get_context("spawn")
    with running_nats(folder / "nats") as nats, running_feed(folder, nats, key) as (address, process):
        begun = cpu_seconds(process)
        length = number / rate
        pipes = [context.Pipe(duplex=False) for _ in range(READERS + 1)]
        workers = [
            context.Process(target=read, args=(address, key, seed, read_rate / READERS, length, pipe[1]))
            for seed, pipe in enumerate(pipes[1:])
        ]
        workers.append(context.Process(target=watch, args=(folder, number, pipes[0][1])))
        for worker in workers:
            worker.start()
        for pipe in pipes:
            pipe[0].recv()  # it has begun
        published = asyncio.run(publish(nats, folder, rate, number))
        seen = pipes[0][0].recv()
        answers = [pipe[0].recv() for pipe in pipes[1:]]
        for worker in workers:
            worker.join()
        cpu = cpu_seconds(process) - begun
    return Served(
        lags=[seen[fact] - at for fact, at in published.items() if fact in seen],
        lost=len(published.keys() - seen.keys()),
        reads=[each for seconds, _ in answers for each in seconds],
        failed_reads=sum(failed for _, failed in answers),
        cpu=cpu,
    )


# The strategies: what news and reads cost


async def cost(folder: Path, limit: int, number: int) -> Cost:
    """Processor time of news, and of reads after them, with a limit."""
    random = Random(3)  # noqa: S311 (as above)
    now = datetime.now(UTC)
    async with open_store(folder, limit) as store:
        written = []
        for count in range(number):
            brand = f"brand-{random.randrange(BRANDS)}"
            at = now + timedelta(milliseconds=count)
            new = News(fact_id=f"{count}", kind=Kind.ADDED, brand=brand, sku=f"SKU-{count}", at=at)
            for shard in store.shards.values():
                begun = time.process_time()
                await shard.add(new)
                written.append(time.process_time() - begun)
        reads = []
        for _ in range(number):
            name = owner(random.randrange(OWNERS))
            begun = time.process_time()
            await store.of(name).timeline(name, 6)
            reads.append(time.process_time() - begun)
        rows = 0
        for shard in store.shards.values():
            async with shard.database.read() as tx:
                rows += (await tx.execute(sa.text("SELECT count(*) FROM timelines"))).scalar_one()
    return Cost(
        limit=limit,
        news=statistics.fmean(written) * len(SHARDS),
        longest=percentile(written, 99),
        reads=statistics.fmean(reads),
        rows=rows / number,
    )


def percentile(values: Sequence[float], share: int) -> float:
    """A percentile."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=10_000, help="that the service gets")
    parser.add_argument("--rate", type=float, default=20, help="of them, a second")
    parser.add_argument("--reads", type=float, default=20, help="timelines that are read, a second")
    parser.add_argument("--news", type=int, default=1000, help="with each limit")
    parser.add_argument("--write", action="store_true", help="write the results to bench/results/")
    parser.add_argument("--quick", action="store_true", help="2,000 events, 50 a second, and 150 news")
    options = parser.parse_args()
    if options.quick:
        options.events, options.rate, options.news = 2000, 50, 150
    os.environ["DATABASE_MIGRATE"] = "true"
    with TemporaryDirectory(prefix="bench-") as folder:
        full = Path(folder) / "full"
        full.mkdir()
        asyncio.run(fill(full, 0))
        service = served(copied(full), options.events, options.rate, options.reads)
        line = ABOUT_SERVICE.format(
            limit=DEFAULT,
            events=len(service.lags) + service.lost,
            rate=options.rate,
            lost=service.lost,
            lag50=percentile(service.lags, 50) * 1000,
            lag99=percentile(service.lags, 99) * 1000,
            reads=len(service.reads),
            read_rate=options.reads,
            failed=service.failed_reads,
            read50=percentile(service.reads, 50) * 1000,
            read99=percentile(service.reads, 99) * 1000,
            cpu=service.cpu,
        )
        print(line, flush=True)  # noqa: T201 (a program for the terminal)
        costs = []
        for limit in LIMITS:
            costs.append(asyncio.run(cost(copied(full), limit, options.news)))
            print(costs[-1], flush=True)  # noqa: T201 (as above)
    if options.write:
        page = ABOUT.format(machine=versions.machine(), service=line, table=table(costs), news=options.news)
        (RESULTS / "feed.md").write_text(page, encoding="utf-8")
        (RESULTS / "feed.svg").write_text(chart(costs), encoding="utf-8")


def copied(full: Path) -> Path:
    """A copy of the shards, in the place of the one before."""
    copy = full.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(full, copy)
    return copy


ABOUT_SERVICE: Final = """\
With the default limit of {limit} followers in a shard:

| | count | p50 | p99 |
|---|--:|--:|--:|
| lag of events, {rate:,.0f} a second | {events:,}, {lost} lost | {lag50:,.0f} ms | {lag99:,.0f} ms |
| reads over HTTP, {read_rate:,.0f} a second | {reads:,}, {failed} failed \
| {read50:,.1f} ms | {read99:,.1f} ms |

The service took {cpu:,.1f} s of processor time for all of that."""

ABOUT: Final = """\
# Timelines

`python -m bench.feed`: 100,000 customers follow 1,000 brands, 1,000,000 times; the largest brand has 64,000
followers, half of the brands fewer than 450. Price drops of brands at random come through catalog's outbox
and the broker while timelines of customers at random are read, of one process with two shards in SQLite
files. Should be: a lag of at most 2 s and a read of at most 20 ms, both p99.

{machine}

{service}

## Both strategies

{news:,} news and as many reads of the store alone, with other limits of followers *in a shard* (a brand has
about half of its followers in each of two): processor time, in ms. *Longest* is the 99th percentile of the
news in one shard; on SQLite all else of the process waits meanwhile. *Mixed* is one news with ten reads.

![The cost by the limit](feed.svg)

{table}
"""


if __name__ == "__main__":
    main()
