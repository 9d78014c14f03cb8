"""The client of recommendation."""

from urllib.parse import quote

from msgspec import Struct

from bff.clients.common import Client, Items


class Recommended(Struct, frozen=True):
    """A product that customers of another one have bought, too."""

    sku: str


class Recommendations(Client):
    """What customers of an article have bought, too."""

    async def beside(self, sku: str, limit: int) -> list[str]:
        """The skus of what customers of an article have bought, too, best first; none where too few have."""
        path = f"/recommendations/{quote(sku, safe='')}?limit={limit}"
        return [each.sku for each in (await self._service.get(path, Items[Recommended])).items]
