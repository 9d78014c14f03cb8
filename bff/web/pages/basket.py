"""The web client's basket: its lines at today's prices. A change answers with the whole basket."""

from msgspec import Struct

from bff.clients.basket import Basket, WaitingItem
from bff.clients.catalog import Product
from bff.clients.common import Money
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from bff.shared.prices import changed_price, line_totals, total
from bff.shared.sources import basket_pages
from bff.web import OPTIONAL_TIMEOUT
from bff.web.cards import Card, cards
from frontispiece.pages import Page

pages: list[Page] = basket_pages(read_deadline=2.0, change_deadline=2.0, optional_timeout=OPTIONAL_TIMEOUT)


class Line(Struct, frozen=True):
    """A basket item; without `article` and `total` when the catalog no longer has the product.

    `price_when_added` is what a piece cost before discounts when it was put in, if that has changed.
    """

    sku: str
    quantity: int
    article: Card | None
    total: Money | None
    price_when_added: Money | None


class BasketPage(Struct, frozen=True):
    """Everything on the page; `total` is None while the basket is empty.

    `waiting` came back from a checkout that ended, and has no room in the basket yet.
    """

    lines: list[Line]
    pieces: int
    total: Money | None
    waiting: list[WaitingItem]


def screen(
    basket: Basket, products: list[Product], discounts: dict[str, Discount], stocks: dict[str, Stock]
) -> BasketPage:
    """The basket page."""
    shown = {card.sku: card for card in cards(products, stocks, discounts, {})}
    known = {product.sku: product for product in products}
    totals = line_totals(basket, products, discounts)
    return BasketPage(
        lines=[
            Line(
                sku=item.sku,
                quantity=item.quantity,
                article=shown.get(item.sku),
                total=totals.get(item.sku),
                price_when_added=changed_price(item, known.get(item.sku)),
            )
            for item in basket.items
        ],
        pieces=sum(item.quantity for item in basket.items),
        total=total(totals.values()),
        waiting=basket.waiting,
    )


for page in pages:
    page.view(screen)
