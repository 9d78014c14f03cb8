"""The shards of the feed service that `bench.feed` measures, with all follows."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

import sqlalchemy as sa

from frontispiece.shards import ids_at
from services.feed.store import Store
from services.feed.tables import brands, follows, generations

FOLLOWS, OWNERS, BRANDS = 1_000_000, 100_000, 1000
SKEW: Final = 0.8
"""Followers of the brand of rank k are as many as k to the power of minus this: the largest has 64,000."""

SHARDS: Final = ("0", "1")
LONG_AGO: Final = ids_at(datetime(2025, 1, 1, tzinfo=UTC)).start


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


def copied(full: Path) -> Path:
    """A copy of the shards, in the place of the one before."""
    copy = full.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(full, copy)
    return copy
