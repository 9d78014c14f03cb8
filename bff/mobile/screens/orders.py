"""The mobile client's orders: placing one, seeing them all, seeing one."""

from msgspec import Struct

from bff.mobile.words import Words, words
from bff.shapes import Order, OrderList
from bff.sources import ONCE_MORE, order, orders, placed
from gateway.page import Page

place = Page("/orders", deadline=6.0, method="POST", status=202, vary=("accept-language",))
every = Page("/orders", deadline=1.0, vary=("accept-language",))
one = Page("/orders/{order_id}", deadline=1.0, vary=("accept-language",))

pages = [place, every, one]

place.source(name="order")(placed)
every.source(retry=ONCE_MORE)(orders)
one.source(retry=ONCE_MORE)(order)
for page in pages:
    page.source()(words)


class OrderEntry(Struct, frozen=True):
    """An order among others."""

    id: str
    status: str
    date: str
    pieces: int
    total: str


class OrderEntries(Struct, frozen=True, omit_defaults=True):
    """Some orders, newest first, and the way to older ones."""

    items: list[OrderEntry]
    next: str | None = None


class BoughtLine(Struct, frozen=True):
    """So many pieces of an article, for so much."""

    sku: str
    name: str
    quantity: int
    total: str


class OrderScreen(Struct, frozen=True, omit_defaults=True):
    """One order; `saved` is what discounts took off, if any did."""

    id: str
    status: str
    date: str
    lines: list[BoughtLine]
    total: str
    saved: str | None = None


@every.view
def order_list(orders: OrderList, words: Words) -> OrderEntries:
    """The caller's orders, newest first."""
    entries = [
        OrderEntry(
            id=order.id,
            status=order.status,
            date=words.date(order.placed_at),
            pieces=order.pieces,
            total=words.price(order.total),
        )
        for order in orders.items
    ]
    return OrderEntries(items=entries, next=orders.next)


@place.view
@one.view
def order_screen(order: Order, words: Words) -> OrderScreen:
    """One order."""
    return OrderScreen(
        id=order.id,
        status=order.status,
        date=words.date(order.placed_at),
        lines=[
            BoughtLine(sku=line.sku, name=line.name, quantity=line.quantity, total=words.price(line.total))
            for line in order.lines
        ],
        total=words.price(order.total),
        saved=words.price(order.discount) if order.discount.amount else None,
    )
