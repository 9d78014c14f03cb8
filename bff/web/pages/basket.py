"""The web client's basket: its lines at today's prices. A change answers with the whole basket."""

from msgspec import Struct

from bff.prices import line_totals, total
from bff.shapes import Basket, Discount, Money, Product, Stock
from bff.sources import basket_pages
from bff.web import PATIENCE
from bff.web.cards import Card, cards
from gateway.page import Page

pages: list[Page] = basket_pages(reading=2.0, changing=2.0, patience=PATIENCE)


class Line(Struct, frozen=True):
    """So many pieces of an article; without `article` and `total` when the catalogue has it no more."""

    sku: str
    quantity: int
    article: Card | None
    total: Money | None


class BasketPage(Struct, frozen=True):
    """Everything on the page; `total` is None while the basket is empty."""

    lines: list[Line]
    pieces: int
    total: Money | None


def screen(
    basket: Basket, products: list[Product], discounts: dict[str, Discount], stocks: dict[str, Stock]
) -> BasketPage:
    """The basket page."""
    shown = {card.sku: card for card in cards(products, stocks, discounts, {})}
    totals = line_totals(basket, products, discounts)
    return BasketPage(
        lines=[
            Line(item.sku, item.quantity, shown.get(item.sku), totals.get(item.sku)) for item in basket.items
        ],
        pieces=sum(item.quantity for item in basket.items),
        total=total(totals.values()),
    )


for page in pages:
    page.view(screen)
