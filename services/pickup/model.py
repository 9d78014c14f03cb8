"""Stores, their distance and when an order is ready there; units of the curve and their shards: no I/O."""

import math
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

EARTH: Final = 6_371_008.8
"""The mean radius in metres."""

PREPARATION: Final = timedelta(hours=1)
SLOT: Final = timedelta(minutes=15)
"""An order is ready at a quarter of an hour, and no sooner than its preparation takes."""

HINTS: Final = 62
"""The number of bits of a store's stock: each article has one, by the checksum of its SKU."""

Vector = tuple[float, float, float]
"""A place as a point of the unit sphere."""


def vector(latitude: float, longitude: float) -> Vector:
    """The point of a place in degrees."""
    phi, theta = math.radians(latitude), math.radians(longitude)
    return math.cos(phi) * math.cos(theta), math.cos(phi) * math.sin(theta), math.sin(phi)


def chord(a: Vector, b: Vector) -> float:
    """The square of the straight line between two points: exact for neighbours, and what SQL can work out."""
    x, y, z = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    return x * x + y * y + z * z


def chord_of(metres: float) -> float:
    """The chord (as `chord` returns it) of a distance along the ground."""
    return (2 * math.sin(min(metres / EARTH, math.pi) / 2)) ** 2


def metres_of(squared: float) -> float:
    """The distance along the ground of a chord."""
    return 2 * EARTH * math.asin(min(1.0, math.sqrt(squared) / 2))


def hints(skus: Iterable[str]) -> int:
    """The bits of these articles in a store's stock."""
    bits = 0
    for sku in skus:
        bits |= 1 << zlib.crc32(sku.encode()) % HINTS
    return bits


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """One store: where it is, when it is open in its own time zone, and a hint of what it has.

    `opens` and `closes` are minutes of the day. `stock` has the bits of `hints`: a store that lacks one does
    not have the article, one that has it probably does.
    """

    id: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    latitude: float
    longitude: float
    zone: str
    opens: int
    closes: int
    stock: int
    version: int = 1

    def ready_at(self, now: datetime) -> datetime:
        """When an order of now can be picked up, in the store's own time."""
        local = now.astimezone(ZoneInfo(self.zone))
        ready = now.astimezone(UTC) + PREPARATION  # an hour, whatever becomes of the store's clocks
        ready += -timedelta(minutes=ready.minute, seconds=ready.second, microseconds=ready.microsecond) % SLOT
        ready = ready.astimezone(local.tzinfo)
        midnight = datetime.combine(local.date(), time(), local.tzinfo)
        days = int(ready > midnight + timedelta(minutes=self.closes))
        return max(ready, midnight + timedelta(days=days, minutes=self.opens))


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A store near a place, and the chord between them; `left` where a shard repeats what is in another."""

    store: Store
    chord: float
    left: bool = False


class Range(NamedTuple):
    """A part of the curve, both ends in it. A cell is a part whose length is a power of four, times two."""

    first: int
    last: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A cell that one shard has, the unit that is packed and moved.

    Of two that overlap the one with the higher `epoch` is true. While it moves `moving_to` names the shard
    that gets it, and nothing in it is changed. Its load is its `stores` and the `reads` of queries.
    """

    first: int
    last: int
    epoch: int
    shard: str
    moving_to: str | None = None
    stores: int = 0
    reads: int = 0

    @property
    def load(self) -> int:
        """The number of its stores, and of the queries that have read it lately."""
        return self.stores + self.reads


MIN_LENGTH: Final = 1 << 31
"""The length of a cell of about 300 metres: nothing smaller is split."""

FACES: Final = tuple(Range((face << 61) - (1 << 63), ((face + 1) << 61) - (1 << 63) - 1) for face in range(6))
"""The whole curve: the six cells that no other contains."""


def children(first: int, last: int) -> list[Range]:
    """The four cells that a cell consists of, along the curve."""
    length = (last - first + 1) // 4
    return [Range(first + n * length, first + (n + 1) * length - 1) for n in range(4)]


def inside(unit: Unit, cells: Sequence[int]) -> Sequence[int]:
    """Those of some places on the curve, which are sorted, that lie in a unit."""
    return cells[bisect_left(cells, unit.first) : bisect_right(cells, unit.last)]


def refined(unit: Unit, cells: Sequence[int], limit: int) -> list[Unit]:
    """The cells that a hot unit is split into, none above the limit unless it is of the smallest size.

    Args:
        unit: whose reads count to its parts alike.
        cells: the places of its stores on the curve, sorted.
        limit: of the load of a part.
    """
    whole = [replace(unit, epoch=unit.epoch + 1, stores=len(cells))]
    parts: list[Unit] = []
    while whole:
        part = whole.pop()
        if part.load <= limit or part.last - part.first < MIN_LENGTH:
            parts.append(part)
            continue
        for first, last in reversed(children(part.first, part.last)):
            child = replace(part, first=first, last=last, reads=part.reads // 4)
            whole.append(replace(child, stores=len(inside(child, cells))))
    return parts


class Incomplete(Exception):
    """Some part of the curve belongs to no shard: what was read is not of one moment."""


class CellMap:
    """Which shard has which part of the curve.

    Args:
        claims: of the shards.
        away: a shard whose claims are not among them: what nobody claims is its.

    Raises:
        Incomplete: a part is missing, and no shard is away.
    """

    def __init__(self, claims: Iterable[Unit], away: str | None = None) -> None:
        self.units: list[Unit] = []
        end = FACES[0].first - 1
        for unit in sorted(claims, key=lambda each: (each.first, -each.epoch)):
            if unit.first > end:
                self._add_gap(end + 1, unit.first - 1, away)
                self.units.append(unit)
                end = unit.last
        self._add_gap(end + 1, FACES[-1].last, away)
        self._firsts = [unit.first for unit in self.units]

    def _add_gap(self, first: int, last: int, away: str | None) -> None:
        if first > last:
            return
        if away is None:
            raise Incomplete("The shards do not have all cells.")
        self.units.append(Unit(first=first, last=last, epoch=0, shard=away))

    def unit_of(self, cell: int) -> Unit:
        """The unit of a place on the curve."""
        return self.units[bisect_right(self._firsts, cell) - 1]

    def meeting(self, ranges: Iterable[Range]) -> dict[str, dict[Unit, list[Range]]]:
        """The parts of the curve by the shards and units that have them."""
        met: dict[str, dict[Unit, list[Range]]] = {}
        for first, last in ranges:
            for index in range(bisect_right(self._firsts, first) - 1, bisect_right(self._firsts, last)):
                unit = self.units[index]
                part = Range(max(first, unit.first), min(last, unit.last))
                met.setdefault(unit.shard, {}).setdefault(unit, []).append(part)
        return met

    @cached_property
    def loads(self) -> dict[str, int]:
        """The load of each shard that has a unit."""
        loads: dict[str, int] = {}
        for unit in self.units:
            loads[unit.shard] = loads.get(unit.shard, 0) + unit.load
        return loads


def pack(units: Sequence[Unit], shards: Sequence[str], slack: float) -> Mapping[Unit, str]:
    """Where units have to go so that each shard has one piece of the curve and about the same load.

    Args:
        units: all, along the curve.
        shards: their names, in the order of their pieces.
        slack: the share above the average that a shard may have before anything moves.
    """
    total = sum(unit.load for unit in units)
    packed: dict[Unit, str] = {}
    before, highest, loads = 0, 0, dict.fromkeys(shards, 0)
    for unit in units:
        middle = before + unit.load / 2
        packed[unit] = shards[min(int(middle * len(shards) / total), len(shards) - 1) if total else 0]
        before += unit.load
        loads[unit.shard] = loads.get(unit.shard, 0) + unit.load
    highest = max(loads.values())
    if highest * len(shards) <= total * (1 + slack) and loads.keys() <= set(shards):
        return {}
    return {unit: to for unit, to in packed.items() if to != unit.shard}
