"""The web client's orders: placing one, seeing them all, seeing one whole."""

from bff.shapes import Order, OrderList
from bff.sources import ONCE_MORE, order, orders, placed
from gateway.page import Page

place = Page("/orders", deadline=8.0, method="POST", status=202)
every = Page("/orders", deadline=2.0)
one = Page("/orders/{order_id}", deadline=2.0)

place.source(name="order")(placed)
every.source(retry=ONCE_MORE)(orders)
one.source(retry=ONCE_MORE)(order)


@every.view
def order_list(orders: OrderList) -> OrderList:
    """The caller's orders, newest first."""
    return orders


@place.view
@one.view
def order_page(order: Order) -> Order:
    """One order, with every line."""
    return order


pages = [place, every, one]
