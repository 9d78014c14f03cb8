"""News of brands and who sees them: the rules, without I/O."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

MAX_FOLLOWS: Final = 200
"""Brands that one owner may follow."""

MAX_UNREAD: Final = 100
"""Unread news are counted up to this number."""

NEWEST: Final = 2**63 - 1
"""No id is larger."""

BACKFILL: Final = timedelta(days=7)
"""Who follows a brand has its news of so long before at once."""


class TooManyFollows(Exception):
    """The owner follows `MAX_FOLLOWS` brands."""


class Kind(StrEnum):
    """What is new about an article."""

    ADDED = "added"
    PRICE_DROP = "price_drop"
    RESTOCKED = "restocked"


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """One piece of news of a brand, made of one fact.

    Args:
        fact_id: of the event.
        at: when it happened.
        amount: the article's price then, in minor units; of news of stock, None.
        amount_before: the price before a drop.
    """

    fact_id: str
    kind: Kind
    brand: str
    sku: str
    at: datetime
    amount: int | None = None
    amount_before: int | None = None
    currency: str | None = None


def hour_of(moment: datetime) -> datetime:
    """The beginning of the hour: what a brand adds in one is one line, that of the first article."""
    return moment.replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """News in a timeline; ids are ordered by time.

    `others` is how many more articles of the brand were added with a new one, see `hour_of`.
    """

    id: int
    kind: Kind
    brand: str
    sku: str
    at: datetime
    amount: int | None
    amount_before: int | None
    currency: str | None
    others: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """Some news of the brands that an owner follows, newest first.

    Args:
        items: the news.
        follows: the brands that the owner follows, by id.
        more: whether there are older ones.
        read_up_to: the id up to which the owner has read.
        unread: how many are newer than that, at most `MAX_UNREAD`.
    """

    items: tuple[Item, ...]
    follows: tuple[str, ...]
    more: bool
    read_up_to: int
    unread: int


def is_drop(amount: int, currency: str, amount_before: int | None, currency_before: str | None) -> bool:
    """Whether a price is lower than the one before."""
    return currency == currency_before and amount_before is not None and amount < amount_before
