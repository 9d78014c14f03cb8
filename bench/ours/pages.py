"""The pages that are measured, written with the public API as a BFF would write them."""

from msgspec import Struct

from bench.ours.services import Brand, Item, Lost, Part, Product, Shop
from frontispiece.pages import Page, gather

DEADLINE = 10.0
"""Seconds; as long as the by-hand candidates wait, for under full load pages queue."""

OPTIONAL_TIMEOUT = 0.05
"""Seconds that an optional part may take."""


class Three(Struct, frozen=True):
    """Three parts that have nothing to do with each other."""

    a: Part
    b: Part
    c: Part


class Levels(Struct, frozen=True):
    """A product and the brand that it names."""

    product: Part
    brand: Brand


class ItemList(Struct, frozen=True):
    """A list with each item's own document."""

    items: list[Item]


three = Page("/pages/three", deadline=DEADLINE)
hanging = Page("/pages/hanging", deadline=DEADLINE)
levels = Page("/pages/levels/{name}", deadline=DEADLINE)
items_page = Page("/pages/list", deadline=DEADLINE)


@three.source()
@hanging.source()
async def a(shop: Shop) -> Part:
    """The first part."""
    return await shop.part("a")


@three.source()
@hanging.source()
async def b(shop: Shop) -> Part:
    """The second part."""
    return await shop.part("b")


@three.source()
async def c(shop: Shop) -> Part:
    """The third part."""
    return await shop.part("c")


@hanging.source(name="c", timeout=OPTIONAL_TIMEOUT, fallback=Part.unknown)
async def lost(lost: Lost) -> Part:
    """The third part, which never comes."""
    return await lost.part()


@three.view
@hanging.view
def parts(a: Part, b: Part, c: Part) -> Three:
    """Three parts."""
    return Three(a=a, b=b, c=c)


@levels.source()
async def product(name: str, shop: Shop) -> Product:
    """The product."""
    return await shop.product(name)


@levels.source()
async def brand(product: Product, shop: Shop) -> Brand:
    """The product's brand, of which only the product knows."""
    return await shop.brand(product.brand_id)


@levels.view
def product_of_brand(product: Product, brand: Brand) -> Levels:
    """A product and its brand."""
    shown = Part(title=product.title, price=product.price, rating=product.rating, labels=product.labels)
    return Levels(product=shown, brand=brand)


@items_page.source()
async def listed(shop: Shop) -> list[str]:
    """The ids."""
    return await shop.listed()


@items_page.source()
async def items(listed: list[str], shop: Shop) -> list[Item]:
    """Every item, each loaded by itself."""
    return await gather(shop.item(name) for name in listed)


@items_page.view
def item_list(items: list[Item]) -> ItemList:
    """The list."""
    return ItemList(items=items)


PAGES = [three, hanging, levels, items_page]
