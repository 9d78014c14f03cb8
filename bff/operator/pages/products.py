"""The products that were ordered most on a day, over all shards."""

from collections import Counter
from typing import Final

from msgspec import Struct

from bff.operator.clients import OrdersOfAll, Sold
from bff.operator.shards import Day, each_shard, missing, shards
from bff.shared.sources import RETRY, Limit
from frontispiece.pages import Page, Query, gather

MAX_DEPTH: Final = 100
"""Products that a shard names at a time."""

page = Page("/products", deadline=4.0)
page.source(retry=RETRY)(shards)


class ProductsOfDay(Struct, frozen=True, kw_only=True):
    """The products of which most pieces were ordered on a day.

    `is_exact` is false when a product that no shard has among its own first ones could belong here, too;
    `missing` are the shards that are not counted.
    """

    items: list[Sold]
    is_exact: bool
    missing: list[str]


@page.source()
async def products_of_day(
    shards: list[str], orders: OrdersOfAll, day: Query[Day], limit: Limit = 10
) -> ProductsOfDay:
    """The products of most pieces over all shards: an exact merge of their own first ones.

    A product may be among the first of no shard and first in the sum. So every shard counts all products that
    any of them names, and names more as long as the sum of what their last ones have exceeds what the last
    one shown has: the threshold of Cao and Wang, "Efficient Top-K Query Calculation in Distributed Networks"
    (2004).
    """
    depth = limit
    while True:
        found = await _merged(orders, shards, day, limit, depth)
        if found.is_exact or depth == MAX_DEPTH:
            return found
        depth = min(2 * depth, MAX_DEPTH)


async def _merged(orders: OrdersOfAll, shards: list[str], day: str, limit: int, depth: int) -> ProductsOfDay:
    firsts = await each_shard(shards, lambda shard: orders.sold(shard, day, limit=depth))
    named = sorted({sold.sku for part in firsts.values() for sold in part})
    counts = await each_shard(list(firsts), lambda shard: _counted(orders, shard, day, named))
    sums: Counter[str] = Counter()
    for part in counts.values():
        sums.update({sold.sku: sold.pieces for sold in part})
    ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:limit]
    unseen = sum(part[-1].pieces for part in firsts.values() if len(part) == depth)
    return ProductsOfDay(
        items=[Sold(sku, pieces) for sku, pieces in ranked],
        is_exact=unseen <= (ranked[-1][1] if len(ranked) == limit else 0),
        missing=missing(shards, counts),
    )


async def _counted(orders: OrdersOfAll, shard: str, day: str, skus: list[str]) -> list[Sold]:
    parts = [skus[first : first + MAX_DEPTH] for first in range(0, len(skus), MAX_DEPTH)]
    found = await gather(orders.sold(shard, day, skus=part) for part in parts)
    return [sold for part in found for sold in part]


@page.view
def screen(products_of_day: ProductsOfDay) -> ProductsOfDay:
    """What was ordered most on a day."""
    return products_of_day
