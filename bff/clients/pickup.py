"""The client of pickup."""

from collections.abc import Sequence
from urllib.parse import urlencode

from msgspec import Struct

from bff.clients.common import Client, Moment


class Place(Struct, frozen=True):
    """A place by its name; without one, a position that a device gave."""

    name: str | None = None


class PickupStore(Struct, frozen=True):
    """A store near a place: when an order of now is ready there, in the store's own time."""

    store: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    ready_at: Moment
    today: bool
    metres: int


class Nearby(Struct, frozen=True):
    """The stores near a place, the nearest first; without a place where nobody knows one of that name."""

    place: Place | None
    items: list[PickupStore]


class Pickups(Client):
    """The stores where customers pick orders up."""

    async def nearby(self, skus: Sequence[str], limit: int, **place: str | float) -> Nearby:
        """The stores near a `place` by its name, or near `latitude` and `longitude`, that have products."""
        query = {"sku": skus, "limit": limit, **place}
        return await self._service.get("/nearby?" + urlencode(query, doseq=True), Nearby)
