"""Products, what can be asked of them, and the rules that need no I/O."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import msgspec

from kit.money import Money

SKU = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""What a sku looks like; it stands in URLs as it is."""

SLUG = "^[a-z0-9]+(-[a-z0-9]+)*$"
"""What the id of a brand or a type looks like."""

DEEPEST = 16
"""How many levels of arrays and objects may lie in a product's attributes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A brand or a type: an id that programs keep (a slug), and a name that people read."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """One article of the shop; `attributes` is a free JSON object, `related` names other skus."""

    sku: str
    name: str
    description: str
    brand: Named
    type: Named
    price: Money
    attributes: Mapping[str, Any]
    related: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A product as the catalog holds it, with its version: no two states of a sku ever share one."""

    product: Product
    version: int


class Sort(StrEnum):
    """The orders that a search can have; products of equal rank follow each other by sku."""

    RELEVANCE = "relevance"
    NAME = "name"
    PRICE = "price"
    PRICE_FALLING = "-price"


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """What a shopper looks for; prices in minor units, both ends included."""

    words: str | None = None
    brands: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    min_price: int | None = None
    max_price: int | None = None
    sort: Sort = Sort.NAME

    @property
    def fingerprint(self) -> str:
        """Tells this search from every other: a cursor holds it, and fits no other search."""
        asked = asdict(self) | {"brands": sorted(self.brands), "types": sorted(self.types)}
        return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class After:
    """Where the next products of a search begin: after the one with this sort value and sku."""

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
class Found:
    """One slice of a search's products, how many there are in all, and what other filters would find."""

    entries: tuple[Entry, ...]
    after: After | None
    total: int
    brands: tuple[Count, ...]
    types: tuple[Count, ...]
    prices: tuple[PriceRange, ...]


PRICE_STEPS = (0, 10_00, 25_00, 50_00, 100_00, 250_00)
"""Where the price ranges of a search begin, in minor units."""


def price_ranges(counts: Mapping[int, int]) -> tuple[PriceRange, ...]:
    """The price ranges that have products; `counts` is by the step that a range begins with."""
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
    """How many levels of arrays and objects lie in a JSON value; a plain value and an empty one have none."""
    levels, level = 0, [value]
    while level := [part for whole in level for part in _parts(whole)]:
        levels += 1
    return levels


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()
