"""What operators see: orders of all shards, what was sold, customers with their orders, and sales.

A shard that is away is missing from what is shown, and named: operators see that there is a gap.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

from msgspec import Meta, Struct

from bff.clients.operators import OperatorOrder, OrdersOfAll, Sales, SalesReport, Sold, User, Users
from bff.shared.sources import RETRY, Limit
from frontispiece.pages import Page, Query, gather, mark_degraded
from frontispiece.upstream import TimedOut, UpstreamClientError, UpstreamError

SHARD_TIMEOUT: Final = 1.0
"""Seconds that a shard has, whatever the others take."""

MAX_DEPTH: Final = 100
"""Products that a shard names at a time."""

Email = Annotated[str, Meta(min_length=3, max_length=254)]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$(?!\n)", description="In UTC.")]
Days = Annotated[int, Meta(ge=1, le=3660)]
Answer = TypeVar("Answer")


class OrdersOfDay(Struct, frozen=True, kw_only=True):
    """Orders that were placed on a day, newest first; `missing` are the shards whose orders are not there."""

    items: list[OperatorOrder]
    next: str | None
    missing: list[str]


class ProductsOfDay(Struct, frozen=True, kw_only=True):
    """The products of which most pieces were ordered on a day.

    `is_exact` is false when a product that no shard has among its own first ones could belong here, too.
    """

    items: list[Sold]
    is_exact: bool
    missing: list[str]


class Customer(Struct, frozen=True, kw_only=True):
    """A user, and the newest orders."""

    user: User
    orders: list[OperatorOrder]


orders_page = Page("/operator/orders", deadline=2.5, needed=False)
products_page = Page("/operator/products", deadline=4.0, needed=False)
customers_page = Page("/operator/customers", deadline=2.5, needed=False)
sales_page = Page("/operator/sales", deadline=4.0, needed=False)
pages = orders_page, products_page, customers_page, sales_page


@orders_page.source(retry=RETRY)
@products_page.source(retry=RETRY)
async def shards(orders: OrdersOfAll) -> list[str]:
    """The names of all shards."""
    return await orders.shards()


@orders_page.source()
async def orders_of_day(
    shards: list[str], orders: OrdersOfAll, day: Query[Day], limit: Limit = 20, cursor: str | None = None
) -> OrdersOfDay:
    """The newest orders of all shards after an order, whose cursor means the same to each of them."""
    found = await each(shards, lambda shard: orders.of_day(shard, day, cursor, limit))
    merged = sorted(
        (order for part in found.values() for order in part.items),
        key=lambda order: (order.placed_at, order.id),
        reverse=True,
    )
    shown = merged[:limit]
    has_more = len(merged) > limit or any(part.next for part in found.values())
    return OrdersOfDay(
        items=shown,
        next=shown[-1].cursor if shown and has_more else None,
        missing=missing(shards, found),
    )


@products_page.source()
async def products_of_day(
    shards: list[str], orders: OrdersOfAll, day: Query[Day], limit: Limit = 10
) -> ProductsOfDay:
    """The products of most pieces over all shards: an exact merge of their own first ones.

    A product may be everywhere among the many and first in the sum. So every shard is asked for all that any
    names, and for more as long as the sum of what their last ones have exceeds what the last shown has: the
    threshold of Cao and Wang, "Efficient Top-K Query Calculation in Distributed Networks" (2004).
    """
    depth = limit
    while True:
        found = await _most_sold(orders, shards, day, limit, depth)
        if found.is_exact or depth == MAX_DEPTH:
            return found
        depth = min(2 * depth, MAX_DEPTH)


async def _most_sold(
    orders: OrdersOfAll, shards: list[str], day: str, limit: int, depth: int
) -> ProductsOfDay:
    """What the first `depth` products of each shard say."""
    firsts = await each(shards, lambda shard: orders.sold(shard, day, limit=depth))
    named = sorted({sold.sku for part in firsts.values() for sold in part})
    counts = await each(list(firsts), lambda shard: _all_sold(orders, shard, day, named))
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


async def _all_sold(orders: OrdersOfAll, shard: str, day: str, skus: list[str]) -> list[Sold]:
    """What was sold of these products at a shard."""
    parts = [skus[first : first + MAX_DEPTH] for first in range(0, len(skus), MAX_DEPTH)]
    return [
        sold for part in await gather(orders.sold(shard, day, skus=part) for part in parts) for sold in part
    ]


@customers_page.source(retry=RETRY)
async def users(email: Query[Email], directory: Users) -> list[User]:
    """The users with a mail address."""
    return await directory.with_email(email)


@customers_page.source()
async def customers(users: list[User], orders: OrdersOfAll, limit: Limit = 20) -> list[Customer]:
    """Each of them with the newest orders, which one shard has."""
    found = await gather(orders.of_customer(user.id, limit) for user in users)
    return [Customer(user=user, orders=part.items) for user, part in zip(users, found, strict=True)]


@sales_page.source()
async def report(sales: Sales, days: Days = 30) -> SalesReport:
    """The figures of the last days."""
    return await sales.report(days)


@orders_page.view
def orders_screen(orders_of_day: OrdersOfDay) -> OrdersOfDay:
    """The orders of a day."""
    return orders_of_day


@products_page.view
def products_screen(products_of_day: ProductsOfDay) -> ProductsOfDay:
    """What was sold most on a day."""
    return products_of_day


@customers_page.view
def customers_screen(customers: list[Customer]) -> list[Customer]:
    """The customers with a mail address."""
    return customers


@sales_page.view
def sales_screen(report: SalesReport) -> SalesReport:
    """Sales."""
    return report


async def each(shards: list[str], read: Callable[[str], Awaitable[Answer]]) -> dict[str, Answer]:
    """What the shards say; those that are away are left out, and the page is degraded.

    Raises:
        UpstreamError: a shard refused, or all are away.
    """
    failures: list[UpstreamError] = []

    async def one(shard: str) -> tuple[str, Answer] | None:
        try:
            async with asyncio.timeout(SHARD_TIMEOUT):
                return shard, await read(shard)
        except UpstreamClientError:
            raise
        except UpstreamError as failure:
            failures.append(failure)
        except TimeoutError:
            failures.append(TimedOut(f"shard {shard} did not answer in {SHARD_TIMEOUT:g} s"))
        mark_degraded(failures[-1].reason)
        return None

    found = dict(part for part in await gather(one(shard) for shard in shards) if part is not None)
    if failures and not found:
        raise failures[0]
    return found


def missing(shards: list[str], found: dict[str, Answer]) -> list[str]:
    """The shards that are not among those found."""
    return [shard for shard in shards if shard not in found]
