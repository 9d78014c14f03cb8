"""Typed clients of the upstream, as a BFF has them."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from frontispiece.pages import loader
from frontispiece.upstream import Service, batch_path


class Part(Struct, frozen=True):
    """The fields of a part that pages show."""

    title: str
    price: int
    rating: float
    labels: list[str]

    @classmethod
    def unknown(cls) -> "Part":
        """The fallback of a part that did not answer."""
        return cls(title="unknown", price=0, rating=0.0, labels=[])


class Item(Part, frozen=True):
    """The fields of an item that a list shows."""

    id: str


class Product(Part, frozen=True):
    """A product, which names its brand."""

    brand_id: str


class Brand(Struct, frozen=True):
    """The fields of a brand that pages show."""

    name: str
    since: int


class Items(Struct, frozen=True):
    """Several items at once."""

    items: list[Item]


class Listed(Struct, frozen=True):
    """The ids of a list."""

    ids: list[str]


class Shop:
    """The service that answers."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def part(self, name: str) -> Part:
        """One part."""
        return await self._service.get(f"/part/{name}", Part)

    async def product(self, name: str) -> Product:
        """One product."""
        return await self._service.get(f"/product/{name}", Product)

    async def brand(self, name: str) -> Brand:
        """One brand."""
        return await self._service.get(f"/brand/{name}", Brand)

    async def listed(self) -> list[str]:
        """The ids of the list."""
        return (await self._service.get("/list", Listed)).ids

    @loader(max_size=100)
    async def item(self, ids: Sequence[str]) -> Mapping[str, Item]:
        """One item; many are one call."""
        found = await self._service.get(batch_path("/items", "id", ids), Items)
        return {item.id: item for item in found.items}


class Lost:
    """The service that never answers."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def part(self) -> Part:
        """A part that never comes."""
        return await self._service.get("/hang", Part)
