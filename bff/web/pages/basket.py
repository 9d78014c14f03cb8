"""The web client's basket: its lines at today's prices. A change answers with the whole basket."""

from msgspec import Struct

from bff.shapes import Basket, Discount, Money, Product, Stock
from bff.sources import basket_pages, now
from bff.web.cards import Card, cards
from gateway.page import Page

pages: list[Page] = basket_pages()


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
    known = {product.sku: product for product in products}
    shown = {card.sku: card for card in cards(products, stocks, discounts, {})}
    totals = {
        item.sku: Money(now(known[item.sku], discounts) * item.quantity, known[item.sku].price.currency)
        for item in basket.items
        if item.sku in known
    }
    return BasketPage(
        lines=[
            Line(item.sku, item.quantity, shown.get(item.sku), totals.get(item.sku)) for item in basket.items
        ],
        pieces=sum(item.quantity for item in basket.items),
        total=_sum(list(totals.values())),
    )


def _sum(amounts: list[Money]) -> Money | None:
    return Money(sum(money.amount for money in amounts), amounts[0].currency) if amounts else None


for page in pages:
    page.view(screen)
