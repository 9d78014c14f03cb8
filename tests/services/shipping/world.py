"""Commands for shipping, and what a store holds after them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from frontispiece.events import Event
from services.shipping.events import CancelShipment, CreateShipment
from services.shipping.model import Address, Durations, Line, Shipment
from services.shipping.store import Store, outbox
from tests.support.events import event
from tests.support.events import published as pending

ORDER: Final = "5f0c7a5e-6f0e-4b53-9d0b-3a1c8e6f2d47"
DURATIONS: Final = Durations(until_dispatch=timedelta(hours=1), until_delivery=timedelta(hours=2))
HOME: Final = Address(name="A Reader", street="Ink Lane 1", postal_code="10115", city="Berlin", country="DE")


def create(
    order_id: str = ORDER,
    *,
    address: Address = HOME,
    method: str = "standard",
    owner: str = "reader",
    store: str = "",
) -> Event[CreateShipment]:
    """A command to ship an order."""
    lines = (Line(sku="PEN", quantity=2),)
    data = CreateShipment(
        order_id=order_id, owner=owner, method=method, address=address, lines=lines, store=store
    )
    return event(data, subject=order_id)


def cancel(order_id: str = ORDER) -> Event[CancelShipment]:
    """A command to cancel the shipment of an order."""
    return event(CancelShipment(order_id=order_id), subject=order_id)


async def facts(store: Store) -> list[str]:
    """The names of the published facts, in order, such as `created`."""
    return [fact.type.rpartition(".")[2] for fact in await published(store)]


async def published(store: Store) -> list[Event[Any]]:
    """The published facts, in order."""
    return await pending(store.database, outbox)


async def shipment(store: Store, order_id: str = ORDER, owner: str = "reader") -> Shipment:
    """The shipment of an owner's order."""
    return (await store.shipments([order_id], owner))[order_id]


def states(shipment: Shipment) -> Sequence[str]:
    """The states that tracking shows."""
    return [event.status for event in shipment.tracking]
