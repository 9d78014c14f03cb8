"""Stored events of older schemas, lifted step by step to the newest; what is stored is never rewritten."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.ordering.domain_events import EVENTS, OrderEvent, Placed, decode

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Fields of one schema to fields of the next."""


class UnknownSchema(Exception):
    """The event was stored by a newer version of this service."""


def _placed_2(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "coupon": "", "basket_version": 0, "delivery": None, "payment_token": ""}


def _placed_3(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "client": ""}  # its lines have no type and no brand


def _placed_4(fields: dict[str, Any]) -> dict[str, Any]:
    return fields  # its delivery has no pickup


UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {
    (Placed.NAME, 1): _placed_2,
    (Placed.NAME, 2): _placed_3,
    (Placed.NAME, 3): _placed_4,
}
"""By name and schema of the stored event."""


def upcast(name: str, schema: int, fields: dict[str, Any]) -> OrderEvent:
    """A stored event in its newest schema.

    Raises:
        UnknownSchema: neither this event nor this schema is known.
    """
    if name not in EVENTS or schema > EVENTS[name].SCHEMA:
        raise UnknownSchema(f"An event {name!r} of schema {schema} is of a newer version of ordering.")
    while schema < EVENTS[name].SCHEMA:
        fields = UPCASTERS[name, schema](fields)
        schema += 1
    return decode(name, fields)
