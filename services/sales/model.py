"""What an operator asks of orders, in figures; amounts are in minor units."""

from dataclasses import dataclass
from enum import StrEnum


class ReportTooLarge(Exception):
    """The orders of a report do not fit the memory that a query may use."""


class State(StrEnum):
    """How an order stands; the last two are final."""

    PLACED = "placed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Grouping(StrEnum):
    """What orders, or the lines of orders, have in common."""

    TOTAL = "total"
    DAY = "day"
    TYPE = "type"
    BRAND = "brand"
    CLIENT = "client"
    COUPON = "coupon"


OF_LINES = frozenset({Grouping.TYPE, Grouping.BRAND})
"""The groupings of lines: their amounts are those of goods, without delivery."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """The figures of one group of orders in one currency.

    Args:
        key: what they have in common: a day (in UTC), a type, a brand, a client with its version or a coupon;
            empty for all, and for orders that have none.
        currency: of the amounts.
        placed: orders; of lines, orders that have such.
        completed: of these, those that came to their end.
        cancelled: of these, those that did not.
        pieces: of the completed ones.
        captured: the money that was taken, also when it was given back.
        refunded: the money that was given back.
    """

    key: str
    currency: str
    placed: int
    completed: int
    cancelled: int
    pieces: int
    captured: int
    refunded: int

    @property
    def revenue(self) -> int:
        """The money that stayed."""
        return self.captured - self.refunded

    @property
    def conversion(self) -> float:
        """The share of placed orders that are completed."""
        return self.completed / self.placed

    @property
    def basket_size(self) -> float:
        """Pieces of a completed order; 0 when there is none."""
        return self.pieces / self.completed if self.completed else 0.0

    @property
    def basket_value(self) -> int:
        """The revenue of a completed order; 0 when there is none."""
        return round(self.revenue / self.completed) if self.completed else 0
