"""The client of inventory."""

from collections.abc import Mapping, Sequence
from typing import Self

from msgspec import Struct

from bff.clients.common import Client, Items
from frontispiece.pages import loader
from frontispiece.upstream import batch_path


class Stock(Struct, frozen=True):
    """Pieces of a product that are available; None when that is not known."""

    sku: str
    available: int | None

    @classmethod
    def unknown(cls) -> Self:
        """The stock when inventory does not answer."""
        return cls(sku="", available=None)


class Inventory(Client):
    """The stock."""

    @loader(max_size=100)
    async def load_stock(self, skus: Sequence[str]) -> Mapping[str, Stock]:
        """The stock of a product; 0 for one that inventory does not know."""
        batch = await self._service.get(batch_path("/stock", "sku", skus), Items[Stock])
        return {sku: Stock(sku, 0) for sku in skus} | {stock.sku: stock for stock in batch.items}
