"""Products and searches: the rules, without I/O."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import msgspec

from shop.money import Money

SLUG_LENGTH = 64
"""Most characters of the id of a brand or a type."""

MAX_DEPTH = 16
"""Most levels of arrays and objects in a product's attributes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A brand or a type: its id (a slug) and its name."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One article of the shop; `attributes` is any JSON object, `related` holds other skus."""

    sku: str
    name: str
    description: str
    brand: Named
    type: Named
    price: Money
    attributes: Mapping[str, Any]
    related: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredProduct:
    """A product and its version; no two states of a sku ever have the same one."""

    product: Product
    version: int


class Sort(StrEnum):
    """The order of a search; products of equal rank are sorted by sku."""

    RELEVANCE = "relevance"
    NAME = "name"
    PRICE = "price"
    PRICE_DESCENDING = "-price"


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """Words and filters of a search; prices in minor units, both ends included."""

    words: str | None = None
    brands: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    min_price: int | None = None
    max_price: int | None = None
    sort: Sort = Sort.NAME

    @property
    def fingerprint(self) -> str:
        """A digest of the search, which its cursors hold so that they are refused by any other search."""
        search = asdict(self) | {"brands": sorted(self.brands), "types": sorted(self.types)}
        return hashlib.sha256(msgspec.json.encode(search)).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where the next page of a search begins: after the product with this sort value and sku."""

    value: int | str
    sku: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """How many products a brand or a type has."""

    id: str
    name: str
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceRange:
    """How many products cost from `first` to `last` minor units, both included (None: no end)."""

    first: int
    last: int | None
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """One page of a search, the total of all pages, and the facets; `after` leads to the next page."""

    products: tuple[StoredProduct, ...]
    after: Position | None
    total: int
    brands: tuple[Count, ...]
    types: tuple[Count, ...]
    prices: tuple[PriceRange, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangePosition:
    """Up to where a client knows the catalogue.

    Args:
        history: identifies the database whose positions these are.
        position: of the last change that the client has seen.
        since: the newest position when it began with nothing: it knows of no sku that was removed before.
    """

    history: str
    position: int
    since: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """Products that were added or changed, and the skus of removed ones; each sku once.

    Args:
        products: as they are now.
        removed: skus.
        after: the client's position after these.
        more: whether there are more.
    """

    products: tuple[StoredProduct, ...]
    removed: tuple[str, ...]
    after: ChangePosition
    more: bool


PRICE_STEPS = (0, 10_00, 25_00, 50_00, 100_00, 250_00)
"""Where the price ranges of a facet begin, in minor units."""


def price_ranges(counts: Mapping[int, int]) -> tuple[PriceRange, ...]:
    """The price ranges that have products; `counts` is by the first amount of a range."""
    ends = [*(step - 1 for step in PRICE_STEPS[1:]), None]
    return tuple(
        PriceRange(first=first, last=last, count=counts[first])
        for first, last in zip(PRICE_STEPS, ends, strict=True)
        if counts.get(first)
    )


def merge(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """The document after a JSON merge patch (RFC 7396): null removes, an object changes what lies inside."""
    merged = dict(document)
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        elif isinstance(change, Mapping):
            inner = merged.get(name)
            merged[name] = merge(inner if isinstance(inner, Mapping) else {}, change)
        else:
            merged[name] = change
    return merged


def depth(value: Any) -> int:
    """How many levels of arrays and objects a JSON value has; a scalar and an empty one have none."""
    levels, level = 0, [value]
    while level := [part for whole in level for part in _parts(whole)]:
        levels += 1
    return levels


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()
