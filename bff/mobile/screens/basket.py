"""The mobile client's basket, at today's prices. A change answers with the whole basket."""

from msgspec import Struct

from bff.clients.basket import Basket, WaitingItem
from bff.clients.catalog import Product
from bff.clients.common import Money
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from bff.mobile import OPTIONAL_TIMEOUT
from bff.mobile.device import CARD_WIDTH, Device, device
from bff.mobile.localization import Localization, localization
from bff.shared.prices import changed_price, current_price, line_totals, total
from bff.shared.sources import basket_pages
from frontispiece.pages import Page

pages: list[Page] = basket_pages(
    read_deadline=1.0,
    change_deadline=2.0,
    optional_timeout=OPTIONAL_TIMEOUT,
    vary=("accept-language", "width"),
)


class BasketLine(Struct, frozen=True, omit_defaults=True):
    """A basket item; of a product that the catalog no longer has there are `sku` and `quantity` alone.

    `price` is that of a piece, as text and as an `amount` to calculate with.
    `price_when_added` is what a piece cost before discounts when it was put in, if that has changed.
    """

    sku: str
    quantity: int
    name: str | None = None
    image: str | None = None
    price: str | None = None
    amount: Money | None = None
    total: str | None = None
    badges: list[str] = []
    price_when_added: str | None = None


class BasketScreen(Struct, frozen=True, omit_defaults=True):
    """Everything on the screen; no `total` while the basket is empty.

    `waiting` came back from a checkout that ended, and has no room in the basket yet.
    """

    lines: list[BasketLine]
    total: str | None = None
    waiting: list[WaitingItem] = []


def screen(
    basket: Basket,
    products: list[Product],
    discounts: dict[str, Discount],
    stocks: dict[str, Stock],
    localization: Localization,
    device: Device,
) -> BasketScreen:
    """The basket screen."""
    known = {product.sku: product for product in products}
    totals = line_totals(basket, products, discounts)
    prices = {product.sku: current_price(product, discounts) for product in products}
    changes = [(item, changed_price(item, known.get(item.sku))) for item in basket.items]
    sum_of_all = total(totals.values())
    return BasketScreen(
        lines=[
            BasketLine(
                sku=item.sku,
                quantity=item.quantity,
                name=known[item.sku].name,
                image=device.image(known[item.sku], CARD_WIDTH),
                price=localization.price(prices[item.sku]),
                amount=prices[item.sku],
                total=localization.price(totals[item.sku]),
                badges=localization.badges(discounts.get(item.sku), stocks.get(item.sku)),
                price_when_added=localization.price(before) if before else None,
            )
            if item.sku in known
            else BasketLine(item.sku, item.quantity)
            for item, before in changes
        ],
        total=localization.price(sum_of_all) if sum_of_all else None,
        waiting=basket.waiting,
    )


for page in pages:
    page.source()(localization)
    page.source()(device)
    page.view(screen)
