"""News for tests of feed, and a program that adds them until it is killed."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

from services.feed.model import Item, Kind, News
from services.feed.shard import Shard
from services.feed.store import Store

START: Final = datetime(2030, 1, 1, tzinfo=UTC)
OWNERS: Final = tuple(f"reader-{number}" for number in range(9))


def new(number: int, brand: str = "quill", at: datetime | None = None) -> News:
    """The news with a number."""
    return News(
        fact_id=f"fact-{number}",
        kind=Kind.PRICE_DROP,
        brand=brand,
        sku=f"PEN-{number}",
        at=at or START + timedelta(seconds=number),
        amount=900,
        amount_before=1000,
        currency="EUR",
    )


async def everything(shard: Shard, owner: str, limit: int = 7) -> list[Item]:
    """All pages of a timeline."""
    found: list[Item] = []
    more = True
    while more:
        page = await shard.timeline(owner, limit, found[-1].id if found else None)
        found += page.items
        more = page.more
    return found


async def skus(shard: Shard, owner: str) -> list[str]:
    """The articles of a timeline, newest first."""
    return [item.sku for item in await everything(shard, owner)]


def open_store(folder: Path, names: Sequence[str] = ("0", "1")) -> Store:
    """Two shards on which a brand with five followers is fanned out in one of them and not in the other."""
    urls = {name: f"sqlite:///{folder}/{name}.db" for name in names}
    return Store(urls, limit=4, now=lambda: START + timedelta(hours=1))


async def _run(folder: Path, *, rebuild: bool) -> None:
    async with open_store(folder) as store:
        for owner in OWNERS:
            await store.of(owner).follow(owner, "quill")
        for number in count():
            if rebuild:
                async with store.rebuilding() as write:
                    await write([new(each) for each in range(20)])
            else:
                for shard in store.shards.values():
                    await shard.add(new(number))
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), rebuild=sys.argv[2] == "rebuild"))
