"""Inventory's first data: plenty of most articles, little of some, none of a few."""

import zlib

from kit.demo import SKUS
from services.inventory.store import Store

SCARCE = 3
"""Of twenty articles, so many are nearly sold out, and one wholly."""


def pieces(sku: str) -> int:
    """How many pieces of an article the demo shop begins with: the same in every run."""
    dice = zlib.crc32(sku.encode()) % 20
    return dice * 10 if dice > SCARCE else dice


async def fill(store: Store) -> None:
    """Give an empty database the demo shop's stock; leave any other as it is."""
    if await store.is_empty():
        await store.add((sku, pieces(sku)) for sku in SKUS)
