"""All shards as one: finds stores near a place, and changes stores.

A change that concerns two shards is made in steps. Each step is one transaction of one shard and may be
repeated, so that another process can finish what a killed one has begun. A store that moves to another shard
is marked as leaving in its old shard, inserted in the new one, and then left as a copy in the old one for a
while.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import nsmallest
from typing import Final, TypeVar

from frontispiece.aio import SingleFlight
from frontispiece.http import Problem
from frontispiece.shards import ShardSet
from services.pickup import seed
from services.pickup.cells import cell_of, covering
from services.pickup.model import (
    CellMap,
    Found,
    Incomplete,
    Store,
    Unit,
    Vector,
    chord,
    chord_of,
    vector,
)
from services.pickup.store import Shard, StaleMap
from services.pickup.tables import Row

RINGS: Final = 1 / 8, 1 / 3, 1.0
"""The shares of a radius that are searched in turn: where stores are many, the first has enough."""

RETRY_S: Final = 2.0
PAUSE_S: Final = 0.01
"""Seconds for which work that meets a moving unit is tried again, and seconds between two attempts."""

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Nearby:
    """Stores near a place, the nearest first, and the shards that were read for them."""

    found: list[Found]
    shards: list[str]


class Shards(ShardSet[Shard]):
    """The stores of all shards; made without I/O, opened with `async with`.

    Args:
        urls: of the shards' databases by their names, in the order of their pieces of the curve.
        first_stores: how many generated stores there are at first.
        now: the current time.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        first_stores: int = seed.FEW,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._first_stores = first_stores
        self.now = now
        self._map: CellMap | None = None
        self._reads = Counter[Unit]()
        self._loads = SingleFlight("map of stores", expected=(Problem, Incomplete))
        shards = {name: Shard(name, url, now=now) for name, url in urls.items()}
        super().__init__("pickup", shards, prepare=self._forget_map)

    async def __aexit__(self, *exc: object) -> None:
        await self._loads.close()
        await super().__aexit__(*exc)

    async def near(
        self, latitude: float, longitude: float, metres: float, *, stock: int = 0, limit: int
    ) -> Nearby:
        """The nearest stores within a distance that have all bits of `stock`."""
        for share in RINGS:
            nearby = await self._within(latitude, longitude, metres * share, stock, limit)
            if len(nearby.found) == limit:
                break
        return nearby

    async def _within(
        self, latitude: float, longitude: float, metres: float, stock: int, limit: int
    ) -> Nearby:
        place, farthest = vector(latitude, longitude), chord_of(metres)
        parts = covering(latitude, longitude, metres)

        async def read(cells: CellMap) -> Nearby:
            met, wanted = cells.meeting(parts), limit
            while True:
                answers = await asyncio.gather(
                    *(
                        self.shards[name].near(place, farthest, units, stock=stock, limit=wanted)
                        for name, units in met.items()
                    )
                )
                best = [
                    now
                    for found in _newest(found for answer in answers for found in answer)
                    if (now := await self._as_it_is(found, cells, place)).chord <= farthest
                    and now.store.stock & stock == stock
                ]
                twice = sum(map(len, answers)) - len(best)  # stores that move, in two shards
                if wanted >= limit + twice:
                    break
                wanted = limit + twice
            self._reads.update(unit for units in met.values() for unit in units)
            nearest = nsmallest(limit, best, key=lambda each: (each.chord, each.store.id))
            return Nearby(found=nearest, shards=list(met))

        return await self.with_map(read)

    async def _as_it_is(self, found: Found, cells: CellMap, place: Vector) -> Found:
        """What was found; of a copy, the store itself, which may have moved on since."""
        if not found.left:
            return found
        row = await self._find(cells, found.store.id)
        if row is None:
            raise StaleMap(f"the store {found.store.id} is on its way")
        at = vector(row.store.latitude, row.store.longitude)
        return Found(store=row.store, chord=chord(at, place))

    async def find(self, id_: str) -> Store | None:
        """One store; None when there is none."""
        for _ in range(2):  # its unit may move from a shard not yet read to one that was
            row = await self.with_map(lambda cells: self._find(cells, id_))
            if row is not None:
                return row.store
        return None

    async def change(self, new: Store) -> bool:
        """Change a store, which may move it to another shard; whether it was of the version before `new`."""

        async def work(cells: CellMap) -> bool:
            row = await self._find(cells, new.id)
            if row is None:
                return False
            if row.leaving is not None:
                await self.finish(row, cells)
                if row.leaving == new:
                    return True
                raise StaleMap(f"the store {new.id} was on its way")
            if row.store.version != new.version - 1:
                return row.store == new
            at, to = cells.unit_of(row.cell), cells.unit_of(cell_of(new.latitude, new.longitude))
            shard = self.shards[at.shard]
            if at.shard == to.shard:
                return await shard.change(row, new, at, to)
            if await shard.announce(row, new, at):
                await self.finish(replace(row, leaving=new), cells)
                return True
            return False

        return await self.with_map(work)

    async def add(self, new: Iterable[Store]) -> int:
        """Insert those stores that no shard has; returns how many."""
        candidates = {store.id: store for store in new}
        for shard in self.shards.values():
            for id_ in await shard.known(candidates):
                del candidates[id_]

        async def insert(cells: CellMap) -> int:
            parts: dict[str, dict[Unit, list[Store]]] = {}
            for store in candidates.values():
                unit = cells.unit_of(cell_of(store.latitude, store.longitude))
                parts.setdefault(unit.shard, {}).setdefault(unit, []).append(store)
            for name, by_unit in parts.items():
                await self.shards[name].add(by_unit)
            return len(candidates)

        return await self.with_map(insert)

    async def finish(self, row: Row, cells: CellMap) -> None:
        """Take the last two steps of a store that leaves for another shard."""
        assert row.leaving is not None
        to = cells.unit_of(cell_of(row.leaving.latitude, row.leaving.longitude))
        await self.shards[to.shard].arrive(row.leaving, to)
        at = cells.unit_of(row.cell)
        await self.shards[at.shard].leave(row, at)

    async def _find(self, cells: CellMap, id_: str) -> Row | None:
        answers = await asyncio.gather(
            *(shard.find(id_) for shard in self.shards.values()), return_exceptions=True
        )
        found: list[Row] = []
        failures: list[BaseException] = []
        has_moved = False
        for name, answer in zip(self.shards, answers, strict=True):
            if isinstance(answer, BaseException):
                failures.append(answer)
                continue
            here = [row for row in answer if row.left_at is None and cells.unit_of(row.cell).shard == name]
            found += here
            has_moved |= len(here) < len(answer)
        if not found and failures:
            raise failures[0]
        if not found and has_moved:
            raise StaleMap(f"the store {id_}, or its unit, has moved while shard after shard was read")
        return max(found, key=lambda row: row.store.version, default=None)

    async def with_map(
        self, work: Callable[[CellMap], Awaitable[Result]], seconds: float = RETRY_S
    ) -> Result:
        """The result of `work` with the map; where the map is stale, tried again for some seconds.

        Raises:
            Problem: 503 `stores-moving`, or a shard is away.
        """
        end = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                return await work(await self.cells())
            except (StaleMap, Incomplete) as error:
                self._map = None
                if asyncio.get_running_loop().time() > end:
                    raise Problem(
                        503, "stores-moving", "These stores are being moved.", headers={"Retry-After": "1"}
                    ) from error
                await asyncio.sleep(PAUSE_S)

    async def cells(self) -> CellMap:
        """The map that is known, or else the newest."""
        return self._map or await self.load()

    async def load(self) -> CellMap:
        """The newest map; it is loaded to the end even if nobody waits for it any more."""
        loaded, _ = await self._loads.share("map", self._loaded, detached=True)
        self._map = loaded.result()
        return self._map

    def forget_map(self) -> None:
        """Load the map anew when it is needed next."""
        self._map = None

    async def _forget_map(self, _name: str) -> None:
        self.forget_map()

    def take_reads(self) -> Counter[Unit]:
        """How many queries have read each unit since the last call."""
        reads, self._reads = self._reads, Counter()
        return reads

    async def _loaded(self) -> CellMap:
        """The map of all shards; where none has a unit, the first one gets all, with the first stores."""
        claims: list[Unit] = []
        away: dict[str, Problem] = {}
        for name, shard in self.shards.items():
            try:
                claims += await shard.claims()
            except Problem as problem:
                away[name] = problem
        if not claims:
            if away:
                raise next(iter(away.values()))
            first = next(iter(self.shards.values()))
            await first.found(seed.stores(self._first_stores))
            claims = await first.claims()
        # what is on its way to a shard that is away may be there
        return CellMap([unit for unit in claims if unit.moving_to not in away], next(iter(away), None))


def _newest(found: Iterable[Found]) -> Collection[Found]:
    """The newest version of each store."""
    best: dict[str, Found] = {}
    for each in found:
        known = best.get(each.store.id)
        if known is None or known.store.version < each.store.version:
            best[each.store.id] = each
    return best.values()
