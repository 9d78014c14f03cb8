"""Ordering over two shards: their databases, customers of each, and orders of theirs."""

from itertools import count
from pathlib import Path
from typing import Final

import httpx

from frontispiece.shards import bucket_for
from services.ordering.settings import ShardDatabases
from tests.services.ordering.world import Shop

NAMES: Final = ("0", "1")


def customer(shard: str, number: int = 0) -> str:
    """A customer whose bucket is in this shard at first."""
    found = (name for name in map("customer{}".format, count()) if str(bucket_for(name) // 512) == shard)
    return next(name for index, name in enumerate(found) if index == number)


def two_shards(folder: Path) -> dict[str, ShardDatabases]:
    return {
        name: ShardDatabases(
            database_url=f"sqlite:///{folder}/log{name}.db",
            read_database_url=f"sqlite:///{folder}/read{name}.db",
        )
        for name in NAMES
    }


def headers(shop: Shop, name: str, **more: str) -> dict[str, str]:
    return {**shop.bearer(name, "shop"), **more}


async def placed(shop: Shop, name: str, key: str = "an-intent") -> httpx.Response:
    """A customer's order of one pen."""
    shop.basket = {"PEN": 1}
    response = await shop.place(headers(shop, name, **{"Idempotency-Key": key}), total=333 + 490)
    assert response.status_code == 202, response.text
    return response
