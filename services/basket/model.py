"""Baskets and their limits: the rules, without I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shop.money import Money

MAX_ARTICLES = 100
MAX_QUANTITY = 999


class BasketFull(Exception):
    """The change would put more than `MAX_ARTICLES` different articles into a basket."""

    def __init__(self) -> None:
        super().__init__(f"A basket holds at most {MAX_ARTICLES} different articles.")


class ArticlesUnknown(Exception):
    """The change would put articles into a basket of which no price is known."""

    def __init__(self, skus: tuple[str, ...]) -> None:
        super().__init__(f"There are no such articles: {', '.join(skus)}.")
        self.skus = skus


class BasketEmpty(Exception):
    """There is nothing in the basket that could be claimed."""


class BasketChanged(Exception):
    """The basket's version is another one than that which was to be claimed."""

    def __init__(self, version: int) -> None:
        super().__init__("The basket has changed since you saw it.")
        self.version = version


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """An article in a basket; a price is None when it is not known."""

    sku: str
    quantity: int
    price_when_added: Money | None = None
    current_price: Money | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Basket:
    """One owner's basket, in order of sku.

    An empty basket has version 0; all others have larger versions, and no two different states have the same.
    `waiting` are the quantities, by sku, that an ended checkout gave back and for which there was no room:
    they come into the basket as soon as there is.
    """

    owner: str
    lines: tuple[Line, ...]
    version: int
    waiting: Mapping[str, int]

    @property
    def quantities(self) -> dict[str, int]:
        """The quantities in the basket, by sku."""
        return {line.sku: line.quantity for line in self.lines}


def combine(lines: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Quantities by sku; of an article named more than once, the larger quantity."""
    quantities: dict[str, int] = {}
    for sku, quantity in lines:
        quantities[sku] = max(quantity, quantities.get(sku, 0))
    return quantities
