"""Inventory's first data: plenty of most articles, little of some, none of a few."""

import zlib
from collections.abc import Iterator

from shop.demo import SKUS

SCARCE = 3
"""Of twenty articles, so many have few units, and one has none."""


def first_stock(sku: str) -> int:
    """The demo shop's first stock of an article: the same in every run."""
    dice = zlib.crc32(sku.encode()) % 20
    return dice * 10 if dice > SCARCE else dice


def stock() -> Iterator[tuple[str, int]]:
    """The demo shop's articles with their first stock."""
    return ((sku, first_stock(sku)) for sku in SKUS)
