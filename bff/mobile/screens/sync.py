"""What has changed in the catalogue since a phone last had a connection, for its screens offline."""

from msgspec import Struct

from bff.clients.catalog import Catalog, ProductChanges
from bff.clients.discount import Discount
from bff.clients.inventory import Stock
from bff.clients.reviews import Rating
from bff.mobile import OPTIONAL_TIMEOUT
from bff.mobile.cards import Card, cards
from bff.mobile.device import Device, device
from bff.mobile.localization import Localization, localization
from bff.shared.sources import RETRY, Limit, add_product_facts
from frontispiece.pages import Page

page = Page("/sync", deadline=1.8, vary=("accept-language", "width"))
page.source()(localization)
page.source()(device)
add_product_facts(page, OPTIONAL_TIMEOUT)


class Products(Struct, frozen=True):
    """Cards of products that are new or changed, and the skus of those that are no longer sold."""

    upserts: list[Card]
    deleted: list[str]


class Sync(Struct, frozen=True):
    """Some changes, and the cursor of those after them; with `more`, there are some already."""

    cursor: str
    products: Products
    more: bool


@page.source(retry=RETRY)
async def changes(catalog: Catalog, cursor: str | None = None, limit: Limit = 100) -> ProductChanges:
    """What has changed since the cursor; everything without one."""
    return await catalog.changes(cursor, limit)


@page.source()
async def skus(changes: ProductChanges) -> list[str]:
    """The products that have a card."""
    return [product.sku for product in changes.upserts]


@page.view
def sync(
    changes: ProductChanges,
    stocks: dict[str, Stock],
    discounts: dict[str, Discount],
    ratings: dict[str, Rating],
    localization: Localization,
    device: Device,
) -> Sync:
    """The changes."""
    upserts = cards(changes.upserts, stocks, discounts, ratings, localization, device)
    return Sync(changes.cursor, Products(upserts, changes.removed), changes.more)
