"""The client of shipping."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from msgspec import Struct

from bff.clients.common import Client, Items, Moment
from frontispiece.pages import loader
from frontispiece.upstream import batch_path


class Quote(Struct, frozen=True):
    """A method of shipping: its price in minor units, and the working days that it takes."""

    method: str
    amount: int
    currency: str
    days: int


class TrackingEvent(Struct, frozen=True):
    """A state that an order's parcel has come to, and when."""

    status: str
    at: Moment


class Shipment(Struct, frozen=True):
    """Where an order's parcel is; `tracking` begins with the oldest event."""

    order_id: str
    status: str
    tracking: list[TrackingEvent]


class Shipping(Client):
    """The shipping of orders."""

    async def quotes(self, country: str, pieces: int) -> list[Quote]:
        """The price of each method to this country."""
        query = urlencode({"country": country, "pieces": pieces})
        return await self._service.get(f"/quotes?{query}", list[Quote])

    async def shipment(self, order_id: str) -> Shipment:
        """The shipment of one of the caller's orders."""
        return await self._service.get(f"/shipments/{quote(order_id, safe='')}", Shipment)

    @loader(max_size=100)
    async def load_shipment(self, order_ids: Sequence[str]) -> Mapping[str, Shipment | None]:
        """The shipment of one of the caller's orders; None when it has none."""
        batch = await self._service.get(batch_path("/shipments", "order_id", order_ids), Items[Shipment])
        return dict.fromkeys(order_ids) | {each.order_id: each for each in batch.items}
