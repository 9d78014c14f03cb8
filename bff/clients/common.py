"""What the clients of several services share.

What is needed of many products is written for one: the loads of a page leave as one call of up to 100
products, as many as a service's batch read takes.
"""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

from frontispiece.upstream import Service
from shop.fields import NO_LINE_END, SKU

Item = TypeVar("Item")

Sku = Annotated[str, Meta(pattern=SKU + NO_LINE_END)]

Quantity = Annotated[int, Meta(ge=1, le=999)]
Moment = Annotated[datetime, Meta(tz=True)]


class Money(Struct, frozen=True):
    """An amount in minor units, with its ISO 4217 currency."""

    amount: int
    currency: str


class Items(Struct, Generic[Item], frozen=True):
    """The items of a list or of a batch read, which leaves unknown ones out."""

    items: list[Item]


class Client:
    """Of a service over HTTP, for one request."""

    def __init__(self, service: Service) -> None:
        self._service = service
