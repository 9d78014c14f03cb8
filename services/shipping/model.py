"""Tariff, shipments and their tracking: the rules, without I/O."""

import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Method(StrEnum):
    """How a parcel travels."""

    STANDARD = "standard"
    EXPRESS = "express"


class Status(StrEnum):
    """The state of a shipment: it ends as delivered, cancelled or refused."""

    CREATED = "created"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class Refusal(StrEnum):
    """Why an order is not shipped."""

    COUNTRY_NOT_SERVED = "country-not-served"
    METHOD_UNKNOWN = "method-unknown"
    ADDRESS_INCOMPLETE = "address-incomplete"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """What a parcel costs by one method, in minor units of `CURRENCY`, and the working days that it takes."""

    amount: int
    days: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """The price of sending some pieces by one method."""

    method: Method
    amount: int
    currency: str
    days: int


CURRENCY: Final = "EUR"

PIECES_PER_PARCEL: Final = 20

PICKUP: Final = "pickup"
"""The method of a parcel to one of the shop's own stores, wherever that is; nobody asks for its price."""

DOMESTIC: Final = frozenset({"DE"})
EUROPEAN_UNION: Final = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"}
    | {"IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}
)
"""Without the country of the shop itself."""

EUROPE: Final = frozenset({"CH", "GB", "IS", "LI", "NO"})
OVERSEAS: Final = frozenset({"AU", "CA", "JP", "KR", "NZ", "SG", "US"})

TARIFF: Final = (
    (DOMESTIC, {Method.STANDARD: Rate(amount=490, days=3), Method.EXPRESS: Rate(amount=990, days=1)}),
    (EUROPEAN_UNION, {Method.STANDARD: Rate(amount=990, days=5), Method.EXPRESS: Rate(amount=1990, days=2)}),
    (EUROPE, {Method.STANDARD: Rate(amount=1490, days=7), Method.EXPRESS: Rate(amount=2990, days=3)}),
    (OVERSEAS, {Method.STANDARD: Rate(amount=2490, days=14), Method.EXPRESS: Rate(amount=4990, days=5)}),
)
"""The rates of each zone, a set of countries (ISO 3166-1 alpha-2); a country of no zone is not served."""

TARIFF_VERSION: Final = zlib.crc32(
    repr([(sorted(zone), rates, PIECES_PER_PARCEL, CURRENCY) for zone, rates in TARIFF]).encode()
)
"""Another number for every other tariff: the version of all quotes."""

_RATES: Final = {country: rates for zone, rates in TARIFF for country in zone}


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a parcel goes; `country` is an ISO 3166-1 alpha-2 code. A missing part is empty."""

    name: str = ""
    street: str = ""
    postal_code: str = ""
    city: str = ""
    country: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A quantity of one article."""

    sku: str
    quantity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An order that is to be shipped; `method` as the customer chose it, `store` by name for pickup."""

    order_id: str
    owner: str
    method: str
    address: Address
    lines: tuple[Line, ...]
    store: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackingEvent:
    """A state that a shipment has reached, and when."""

    status: Status
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipment:
    """The shipment of one order, with all states that it has had, the newest last.

    Args:
        owner: the customer; None where an order was cancelled before it was to be shipped.
        store: the name of the one where the parcel is picked up, else empty.
        reason: of a refusal, else empty.
        due_at: when it moves on by itself; None when it does not.
    """

    order_id: str
    id: str
    owner: str | None
    method: str
    store: str
    tracking_code: str
    status: Status
    reason: str
    due_at: datetime | None
    version: int
    tracking: tuple[TrackingEvent, ...] = ()


class CountryNotServed(Exception):
    """No zone of the tariff has this country."""

    def __init__(self, country: str) -> None:
        super().__init__(f"Nothing is shipped to {country}.")
        self.country = country


class AlreadyDelivered(Exception):
    """A shipment is to be cancelled that has reached its customer."""


def quotes(country: str, pieces: int) -> tuple[Quote, ...]:
    """The price of each method for so many pieces.

    Raises:
        CountryNotServed: no zone has this country.
    """
    if country not in _RATES:
        raise CountryNotServed(country)
    parcels = -(-pieces // PIECES_PER_PARCEL)
    return tuple(
        Quote(method=method, amount=rate.amount * parcels, currency=CURRENCY, days=rate.days)
        for method, rate in _RATES[country].items()
    )


def refusal(draft: Draft) -> Refusal | None:
    """Why this order is not shipped; None when it is."""
    address = draft.address
    if draft.method != PICKUP:
        if address.country not in _RATES:
            return Refusal.COUNTRY_NOT_SERVED
        if draft.method not in _RATES[address.country]:
            return Refusal.METHOD_UNKNOWN
    if not all(part.strip() for part in (address.name, address.street, address.postal_code, address.city)):
        return Refusal.ADDRESS_INCOMPLETE
    return None


def shipment_id(order_id: str) -> str:
    """The id of an order's only shipment."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:frontispiece:shipment:{order_id}"))


def tracking_code(order_id: str) -> str:
    """What the carrier calls the shipment: `FR` and 12 digits."""
    return f"FR{uuid.UUID(shipment_id(order_id)).int % 10**12:012d}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Durations:
    """How long a shipment stays in a state before it moves on by itself."""

    until_dispatch: timedelta
    until_delivery: timedelta

    def after(self, status: Status) -> timedelta | None:
        """How long it stays in this state; None for ever."""
        return {Status.CREATED: self.until_dispatch, Status.DISPATCHED: self.until_delivery}.get(status)


NEXT: Final[Mapping[Status, Status]] = MappingProxyType(
    {Status.CREATED: Status.DISPATCHED, Status.DISPATCHED: Status.DELIVERED}
)
"""The state that follows by itself."""


def must_cancel(status: Status) -> bool:
    """Whether a shipment must change to be cancelled; a dispatched one is called back.

    Raises:
        AlreadyDelivered: it is too late.
    """
    if status is Status.DELIVERED:
        raise AlreadyDelivered("The shipment has been delivered.")
    return status in NEXT
