"""Stock and reservations: the rules, without I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """The stock of one article: pieces on the shelf, and how many of them are set aside."""

    sku: str
    on_hand: int
    reserved: int
    version: int

    @property
    def available(self) -> int:
        """Pieces that can still be promised to somebody."""
        return self.on_hand - self.reserved


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """So many pieces of one article."""

    sku: str
    quantity: int


class Status(StrEnum):
    """Where a reservation stands: it is held until it ends in one of the other three ways."""

    HELD = "held"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reservation:
    """Pieces set aside for one owner until a moment."""

    id: str
    owner: str
    lines: tuple[Line, ...]
    status: Status
    expires_at: datetime
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Shortage:
    """What was missing of one article."""

    sku: str
    wanted: int
    available: int


class OutOfStock(Exception):
    """A reservation asked for more than there is; nothing was set aside."""

    def __init__(self, shortages: tuple[Shortage, ...]) -> None:
        super().__init__(", ".join(f"{s.sku}: {s.wanted} wanted, {s.available} available" for s in shortages))
        self.shortages = shortages


class BelowReserved(Exception):
    """A new count that would leave reservations without pieces."""


class NotHeld(Exception):
    """The reservation has ended in another way already."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"The reservation is {status}.")
        self.status = status


def combine(lines: Iterable[Line]) -> tuple[Line, ...]:
    """One line an article, in order of sku: the order in which every writer takes its locks."""
    total: dict[str, int] = {}
    for line in lines:
        total[line.sku] = total.get(line.sku, 0) + line.quantity
    return tuple(Line(sku=sku, quantity=total[sku]) for sku in sorted(total))


def end(reservation: Reservation, how: Status) -> bool:
    """Whether the reservation is to change: False when it has ended this very way already.

    Raises:
        NotHeld: it has ended in another way.
    """
    if reservation.status is how:
        return False
    if reservation.status is not Status.HELD:
        raise NotHeld(reservation.status)
    return True
