"""The customer's basket: reading it and changing it. A change answers with the whole basket."""

from msgspec import Struct

from bff.agent import OPTIONAL_TIMEOUT, READ_BUDGET, SHOP
from bff.clients.basket import Basket
from bff.clients.catalog import Product
from bff.clients.common import Money
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from bff.shared.prices import line_totals, total
from bff.shared.sources import available, basket_pages
from frontispiece.pages import Tool

pages = basket_pages(read_deadline=2.0, change_deadline=2.0, optional_timeout=OPTIONAL_TIMEOUT)
read, set_quantity, remove = pages
read.agent = Tool("show basket", scopes=SHOP, budget=READ_BUDGET, paged="lines")
set_quantity.agent = Tool(
    "put into basket", "Sets the quantity of a product in the basket.", scopes=SHOP, budget=READ_BUDGET
)
remove.agent = Tool(
    "remove from basket", "Removes a product from the basket.", scopes=SHOP, budget=READ_BUDGET
)


class Line(Struct, frozen=True):
    """An item; `name` and `total` are null when the product is no longer sold."""

    sku: str
    name: str | None
    quantity: int
    total: Money | None
    available: int | None


class BasketAnswer(Struct, frozen=True):
    """The basket; its `version` changes with every change, `total` is null while it is empty."""

    version: int
    lines: list[Line]
    total: Money | None


def answer(
    basket: Basket, products: list[Product], discounts: dict[str, Discount], stocks: dict[str, Stock]
) -> BasketAnswer:
    """What is in the customer's basket, at today's prices."""
    names = {product.sku: product.name for product in products}
    totals = line_totals(basket, products, discounts)
    lines = [
        Line(
            sku=item.sku,
            name=names.get(item.sku),
            quantity=item.quantity,
            total=totals.get(item.sku),
            available=available(item.sku, stocks),
        )
        for item in basket.items
    ]
    return BasketAnswer(version=basket.version, lines=lines, total=total(totals.values()))


for page in pages:
    page.view(answer)
