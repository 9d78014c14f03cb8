"""The feed service of `bench.feed` while events come and timelines are read: lag, and how long reads take."""

import asyncio
import json
import multiprocessing
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import Final

import sqlalchemy as sa

from bench.feed_shards import BRANDS, OWNERS, SHARDS, owner
from bench.processes import Program, cpu_seconds, free_port, listening
from frontispiece.cli.run.nats import NatsAddresses, running_nats
from frontispiece.events import EventSettings, Messaging, Outbox
from frontispiece.security import Identity, Signer, issuers, new_signing_key, private_key
from frontispiece.shards import ids_at
from frontispiece.stores import Database
from services.catalog.events import PriceChanged

READERS: Final = 2
SETTLED: Final = 60.0
"""Seconds after the last event until missing events count as lost."""


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
    """Run the service with events and reads at the same time."""
    key = new_signing_key()
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
