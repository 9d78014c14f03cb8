"""Orders and what they cost: the rules, without I/O."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shop import money
from shop.money import Money

INTENTS: Final = uuid.UUID("5f0c7a5e-6f0e-4b53-9d0b-3a1c8e6f2d47")
"""The namespace of the ids of intents."""


class Status(StrEnum):
    """The state of an order for clients: the last two are final."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A quantity of one article to be ordered."""

    sku: str
    quantity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Article:
    """What an order needs of an article; `type` and `brand` are their ids."""

    sku: str
    name: str
    price: Money
    type: str
    brand: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderLine:
    """One article of an order, with its price and whole percent off at the time of the order.

    `type` and `brand` are ids, and empty in orders of the time before they had them.
    """

    sku: str
    name: str
    quantity: int
    unit_price: int
    percent_off: int
    type: str = ""
    brand: str = ""

    @property
    def subtotal(self) -> int:
        """The price without the discount."""
        return self.unit_price * self.quantity

    @property
    def total(self) -> int:
        """The price: the discount is taken off each unit, and each unit's price is rounded."""
        return money.percent_off(self.unit_price, self.percent_off) * self.quantity


@dataclass(frozen=True, kw_only=True, slots=True)
class Bill:
    """The lines of an order and their cost, in minor units of one currency."""

    currency: str
    lines: tuple[OrderLine, ...]

    @property
    def pieces(self) -> int:
        """The number of units of all articles together."""
        return sum(line.quantity for line in self.lines)

    @property
    def subtotal(self) -> int:
        """The price of all lines without discounts."""
        return sum(line.subtotal for line in self.lines)

    @property
    def total(self) -> int:
        """The amount to pay."""
        return sum(line.total for line in self.lines)

    @property
    def discount(self) -> int:
        """The sum of the discounts."""
        return self.subtotal - self.total


class UnknownArticles(Exception):
    """Some items are not sold; nothing was priced."""

    def __init__(self, skus: Sequence[str]) -> None:
        super().__init__(f"Not sold: {', '.join(skus)}.")
        self.skus = list(skus)


class MixedCurrencies(Exception):
    """The articles are priced in more than one currency, and one order has one."""


class TooExpensive(Exception):
    """The articles cost more than `shop.money.MAX_AMOUNT`."""


def intent_id(owner: str, key: str) -> str:
    """The id of what this owner wants under this idempotency key: the same for every retry.

    Orders of the time before shards have it as their own.
    """
    return str(uuid.uuid5(INTENTS, json.dumps([owner, key])))


def price(items: Sequence[Item], articles: Mapping[str, Article], percents: Mapping[str, int]) -> Bill:
    """The bill of these items.

    Args:
        items: at least one.
        articles: the articles on sale, by sku.
        percents: whole percent off, 0 to 100, by sku; an article that is not in it has no discount.

    Raises:
        UnknownArticles: some item is not among the articles.
        MixedCurrencies: the articles' prices are not all in one currency.
        TooExpensive: together they cost more than `shop.money.MAX_AMOUNT`.
    """
    unknown = [item.sku for item in items if item.sku not in articles]
    if unknown:
        raise UnknownArticles(unknown)
    currencies = sorted({articles[item.sku].price.currency for item in items})
    if len(currencies) > 1:
        raise MixedCurrencies(f"One order has one currency, not {' and '.join(currencies)}.")
    lines = tuple(_line(item, articles[item.sku], percents.get(item.sku, 0)) for item in items)
    bill = Bill(currency=currencies[0], lines=lines)
    if bill.subtotal > money.MAX_AMOUNT:
        raise TooExpensive("These articles cost more than one order may.")
    return bill


def _line(item: Item, article: Article, percent: int) -> OrderLine:
    return OrderLine(
        sku=item.sku,
        name=article.name,
        quantity=item.quantity,
        unit_price=article.price.amount,
        percent_off=percent,
        type=article.type,
        brand=article.brand,
    )
