"""The mobile client's basket, at today's prices. A change answers with the whole basket."""

from msgspec import Struct

from bff.mobile import PATIENCE
from bff.mobile.display import TILE, Display, display
from bff.mobile.words import Words, words
from bff.prices import line_totals, total
from bff.shapes import Basket, Discount, Product, Stock
from bff.sources import basket_pages
from gateway.page import Page

pages: list[Page] = basket_pages(
    reading=1.0, changing=2.0, patience=PATIENCE, vary=("accept-language", "width")
)


class BasketLine(Struct, frozen=True, omit_defaults=True):
    """So many pieces of an article; without `name` and `total` when the catalogue has it no more."""

    sku: str
    quantity: int
    name: str | None = None
    image: str | None = None
    total: str | None = None
    badges: list[str] = []


class BasketScreen(Struct, frozen=True, omit_defaults=True):
    """Everything on the screen; no `total` while the basket is empty."""

    lines: list[BasketLine]
    total: str | None = None


def screen(
    basket: Basket,
    products: list[Product],
    discounts: dict[str, Discount],
    stocks: dict[str, Stock],
    words: Words,
    display: Display,
) -> BasketScreen:
    """The basket screen."""
    known = {product.sku: product for product in products}
    totals = line_totals(basket, products, discounts)
    sum_of_all = total(totals.values())
    return BasketScreen(
        lines=[
            BasketLine(
                sku=item.sku,
                quantity=item.quantity,
                name=known[item.sku].name,
                image=display.image(known[item.sku], TILE),
                total=words.price(totals[item.sku]),
                badges=words.badges(discounts.get(item.sku), stocks.get(item.sku)),
            )
            if item.sku in known
            else BasketLine(item.sku, item.quantity)
            for item in basket.items
        ],
        total=words.price(sum_of_all) if sum_of_all else None,
    )


for page in pages:
    page.source()(words)
    page.source()(display)
    page.view(screen)
