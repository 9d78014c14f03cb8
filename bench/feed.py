"""News in timelines of 1,000,000 follows: `python -m bench.feed`, 15 minutes, or `--quick`, 90 s.

`--write` stores it.

First the feed service itself: catalog's events come through its outbox and the broker at a fixed rate, while
readers get timelines over HTTP, by a fixed schedule, too. The lag of an event is from its own time until its
news is in the timelines of all shards. Then both strategies: the store alone, with other limits of followers,
and what news and reads cost of processor time.
"""

import argparse
import asyncio
import os
import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import sqlalchemy as sa

from bench import versions
from bench.feed_chart import DEFAULT, LIMITS, Cost, chart, table
from bench.feed_service import served
from bench.feed_shards import BRANDS, OWNERS, SHARDS, copied, fill, open_store, owner
from bench.timing import percentile
from services.feed.model import Kind, News

RESULTS: Final = Path(__file__).parent / "results"


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
