"""Events a second that a rebuild of ordering's read model applies: `python -m bench.rebuild`, half a minute.

A log of completed orders, 16 of them under way at any time, is written at once; then the read model is made
of it, compared and switched to, by what `front orders rebuild` runs. `--write` puts it into `results/`.
"""

import argparse
import asyncio
import os
from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

from bench import versions
from services.ordering.domain_events import encode
from services.ordering.read_store import ReadStore
from services.ordering.rebuild import Rebuild
from services.ordering.store import Orders
from services.ordering.tables import event_store
from tests.services.ordering.reading import COMPLETED, order_id
from tests.support.postgres import running_postgres

RESULTS: Final = Path(__file__).parent / "results" / "rebuild.md"
UNDER_WAY: Final = 16
ROWS: Final = 5000
"""Events of the log that are written at a time."""


def events() -> Iterator[dict[str, Any]]:
    """Rows for the log, endlessly."""
    stored = [(event.NAME, event.SCHEMA, encode(event)) for event in COMPLETED]
    now = datetime.now(UTC)
    numbers = count()
    under_way = deque((order_id(next(numbers)), 0) for _ in range(UNDER_WAY))
    for position in count(1):
        id_, version = under_way.popleft()
        name, schema, data = stored[version]
        yield {
            "position": position,
            "order_id": id_,
            "version": version + 1,
            "type": name,
            "schema_version": schema,
            "data": data,
            "recorded_at": now,
            "bucket": 0,
        }
        is_over = version + 1 == len(stored)
        under_way.append((order_id(next(numbers)), 0) if is_over else (id_, version + 1))


async def measured(log_url: str, read_url: str, number: int) -> float:
    """Events a second."""
    async with Orders(log_url) as orders, ReadStore(read_url) as store:
        await store.initialise()
        rows = islice(events(), number)
        while batch := list(islice(rows, ROWS)):
            async with orders.database.write() as tx:
                await tx.execute(event_store.events.insert(), batch)
        rebuild = Rebuild(orders.database, event_store, store)
        await rebuild.run(lambda _: None)  # the live tables are brought along
        begun = perf_counter()
        await rebuild.run(lambda _: None)
        return number / (perf_counter() - begun)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=100_000, help="of the log")
    parser.add_argument("--write", action="store_true", help="write the results to bench/results/")
    options = parser.parse_args()
    os.environ["DATABASE_MIGRATE"] = "true"
    lines = []
    for title in ("SQLite", "PostgreSQL"):
        with (
            TemporaryDirectory(prefix="bench-") as folder,
            running_postgres() if title == "PostgreSQL" else nullcontext() as postgres,
        ):
            urls = [
                postgres.new_database() if postgres else f"sqlite:///{folder}/{name}.db"
                for name in ("log", "read")
            ]
            rate = asyncio.run(measured(urls[0], urls[1], options.events))
        lines.append(f"| {title} | {rate:,.0f} |")
        print(lines[-1], flush=True)  # noqa: T201 (a program for the terminal)
    if options.write:
        page = ABOUT.format(events=options.events, machine=versions.machine(), lines="\n".join(lines))
        RESULTS.write_text(page, encoding="utf-8")


ABOUT: Final = """\
# A rebuild of the read model

`python -m bench.rebuild`: a log of {events:,} events is applied to empty tables, these are compared with the
live ones by the hashes of their rows, and switched to. Should be: at least 20,000 events a second on SQLite.

{machine}

| database | events/s |
|---|--:|
{lines}
"""


if __name__ == "__main__":
    main()
