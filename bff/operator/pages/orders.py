"""The orders of a day, of all shards."""

from msgspec import Struct

from bff.operator.clients import OperatorOrder, OrdersOfAll
from bff.operator.shards import Day, each_shard, missing, shards
from bff.shared.sources import RETRY, Limit
from frontispiece.pages import Page, Query

page = Page("/orders", deadline=2.5)
page.source(retry=RETRY)(shards)


class OrdersOfDay(Struct, frozen=True, kw_only=True):
    """Orders that were placed on a day, newest first; `missing` are the shards whose orders are not there."""

    items: list[OperatorOrder]
    next: str | None
    missing: list[str]


@page.source()
async def orders_of_day(
    shards: list[str], orders: OrdersOfAll, day: Query[Day], limit: Limit = 20, cursor: str | None = None
) -> OrdersOfDay:
    """The newest orders of all shards after an order, whose cursor means the same to each of them."""
    found = await each_shard(shards, lambda shard: orders.of_day(shard, day, cursor, limit))
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


@page.view
def screen(orders_of_day: OrdersOfDay) -> OrdersOfDay:
    """The orders of a day."""
    return orders_of_day
