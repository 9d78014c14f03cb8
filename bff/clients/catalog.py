"""The client of catalog."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Struct

from bff.clients.common import Client, Items, Money
from frontispiece.pages import loader
from frontispiece.upstream import batch_path


class Named(Struct, frozen=True):
    """A brand or type."""

    id: str
    name: str


class Variant(Struct, frozen=True):
    """An image file: its path at the gateway and its size in pixels."""

    url: str
    width: int
    height: int
    format: str


class Image(Struct, frozen=True):
    """An image, in several sizes."""

    alt: str
    variants: list[Variant]


class Product(Struct, frozen=True):
    """A product of the catalog."""

    sku: str
    name: str
    description: str
    brand: Named
    type: Named
    price: Money
    images: list[Image]
    attributes: dict[str, Any]
    related: list[str]


class Counted(Struct, frozen=True):
    """A brand or type with its number of products."""

    id: str
    name: str
    count: int


class PriceRange(Struct, frozen=True, rename={"from_": "from"}):
    """How many products cost from … to … minor units (None: no bound)."""

    from_: int | None
    to: int | None
    count: int


class Facets(Struct, frozen=True):
    """How a search could be narrowed."""

    brands: list[Counted]
    types: list[Counted]
    prices: list[PriceRange]


class ProductChanges(Struct, frozen=True):
    """Some of what has changed in the catalog: products as they are now, and skus of those that are gone."""

    upserts: list[Product]
    removed: list[str]
    cursor: str
    more: bool


class SearchResult(Struct, frozen=True):
    """A page of what a search found."""

    items: list[Product]
    total: int
    facets: Facets
    next: str | None = None


class Catalog(Client):
    """The products."""

    async def get_product(self, sku: str) -> Product:
        """The product that a page is about, by a call of its own: a 404 is the catalog's."""
        return await self._service.get(f"/products/{quote(sku, safe='')}", Product)

    @loader(max_size=100)
    async def load_product(self, skus: Sequence[str]) -> Mapping[str, Product | None]:
        """A product; None when the catalog does not have it."""
        batch = await self._service.get(batch_path("/products", "sku", skus), Items[Product])
        return dict.fromkeys(skus) | {product.sku: product for product in batch.items}

    async def search(self, **criteria: Any) -> SearchResult:
        """Products by `q`, `brand`, `type`, `min_price`, `max_price`, `sort`, `cursor` and `limit`."""
        query = {name: value for name, value in criteria.items() if value not in (None, [], "")}
        return await self._service.get("/products?" + urlencode(query, doseq=True), SearchResult)

    async def changes(self, cursor: str | None, limit: int) -> ProductChanges:
        """What has changed after a cursor, or all products; 410 when a client has to begin anew."""
        query = {"limit": limit} | ({"since": cursor} if cursor else {})
        return await self._service.get(f"/product-changes?{urlencode(query)}", ProductChanges)

    async def types(self) -> list[Counted]:
        """Every type of product."""
        return (await self._service.get("/types", Items[Counted])).items
