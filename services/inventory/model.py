"""Stock and reservations: the rules, without I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """The stock of one article: the units on hand, and how many of them are reserved."""

    sku: str
    on_hand: int
    reserved: int
    version: int

    @property
    def available(self) -> int:
        """Units on hand that are not reserved."""
        return self.on_hand - self.reserved


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A quantity of one article."""

    sku: str
    quantity: int


ORDERS: Final = ""
"""The owner of the reservations of orders, which have their orders' ids: no caller has an empty name."""


class Status(StrEnum):
    """The state of a reservation: held, until it ends in one of the other three."""

    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """Units reserved for one owner until `expires_at`."""

    id: str
    owner: str
    lines: tuple[Line, ...]
    status: Status
    expires_at: datetime
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortage:
    """An article of which there was too little."""

    sku: str
    wanted: int
    available: int


class OutOfStock(Exception):
    """A reservation wants more than is available; nothing was reserved."""

    def __init__(self, shortages: tuple[Shortage, ...]) -> None:
        super().__init__(", ".join(f"{s.sku}: {s.wanted} wanted, {s.available} available" for s in shortages))
        self.shortages = shortages


class BelowReserved(Exception):
    """A new count is less than the reserved units."""


class NotHeld(Exception):
    """The reservation has ended already, in another state."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"The reservation is {status}.")
        self.status = status


def combine(lines: Iterable[Line]) -> tuple[Line, ...]:
    """One line for each article, in order of sku: the order in which every writer takes its locks."""
    total: dict[str, int] = {}
    for line in lines:
        total[line.sku] = total.get(line.sku, 0) + line.quantity
    return tuple(Line(sku=sku, quantity=total[sku]) for sku in sorted(total))


def must_change(reservation: Reservation, status: Status) -> bool:
    """Whether the reservation must change to end in this state: False when it has already.

    Raises:
        NotHeld: it has ended in another state.
    """
    if reservation.status is status:
        return False
    if reservation.status is not Status.HELD:
        raise NotHeld(reservation.status)
    return True
