"""All shards as one: finds stores near a place, changes stores, deals the curve anew.

A change that concerns two shards is a row of steps, each one transaction of one shard and each harmless to
repeat: what a killed process leaves is finished by whoever finds it.

A store that moves is announced where it is, arrives elsewhere, and is repeated where it was for a while. A
unit that moves is fenced, taken by the other shard whole and with a higher epoch, and dropped.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from typing import Final, Self, TypeVar

from frontispiece.aio import SingleFlight
from frontispiece.http import Problem
from frontispiece.shards import ping_any
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
    inside,
    pack,
    refined,
    vector,
)
from services.pickup.store import Row, Shard, StaleMap

MAX_LOAD: Final = 2_000
"""Of a unit: above it, the cell is split."""

PIECES: Final = 8
"""Units of less load, so that each shard could have so many: fewer cannot be packed evenly."""

SLACK: Final = 0.25
"""The share above the average load that a shard may have before units move."""

RINGS: Final = 1 / 8, 1 / 3, 1.0
"""The shares of a radius that are searched in turn: where stores are many, the first has enough."""

REST_S: Final = 0.01
"""The pause of maintenance after each unit that it counts: queries do not wait for thousands of them."""

REPEATED: Final = timedelta(seconds=60)
"""How long a store that has left is repeated where it was: longer than any query takes."""

RETRY_S: Final = 2.0
PAUSE_S: Final = 0.01
"""How long what meets a unit that moves is tried again, and how often."""

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Nearby:
    """Stores near a place, the nearest first, and the shards that were read for them."""

    found: list[Found]
    shards: list[str]


class Shards:
    """The stores of all shards; made without I/O, opened with `async with`.

    Args:
        urls: of the shards' databases by their names, in the order of their pieces of the curve.
        first_stores: how many generated stores there are at first.
        max_load: of a unit.
        now: the current time.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        first_stores: int = seed.FEW,
        max_load: int = MAX_LOAD,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.shards = {name: Shard(name, url, now=now) for name, url in urls.items()}
        self._first_stores = first_stores
        self._max_load = max_load
        self._now = now
        self._map: CellMap | None = None
        self._reads = Counter[Unit]()
        self._loads = SingleFlight("map of stores", expected=(Problem, Incomplete))
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for shard in self.shards.values():
                await stack.enter_async_context(shard)
            self._opened = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._loads.close()
        await self._opened.aclose()

    async def ping(self) -> None:
        """Return when a shard is reachable: the places of another one wait; else raise a `Problem`, 503."""
        await ping_any(self.shards.values())

    async def near(
        self, latitude: float, longitude: float, metres: float, *, stock: int = 0, limit: int
    ) -> Nearby:
        """The nearest stores within a distance that have all bits of `stock`, of the shards that it meets."""
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

        return await self._with_map(read)

    async def _as_it_is(self, found: Found, cells: CellMap, place: Vector) -> Found:
        """What was found, unless it has left: then the same store where it is, which may be a third place."""
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
            row = await self._with_map(lambda cells: self._find(cells, id_))
            if row is not None:
                return row.store
        return None

    async def change(self, new: Store) -> bool:
        """Change a store, which may come to another shard; whether it was of the version before `new`."""

        async def work(cells: CellMap) -> bool:
            row = await self._find(cells, new.id)
            if row is None:
                return False
            if row.leaving is not None:
                await self._finish(row, cells)
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
                await self._finish(replace(row, leaving=new), cells)
                return True
            return False

        return await self._with_map(work)

    async def add(self, new: Iterable[Store]) -> int:
        """Insert those stores that are not known yet, and say how many."""
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

        return await self._with_map(insert)

    async def units(self, *, pause: float = 0.0) -> list[Unit]:
        """All units along the curve, with the numbers of their stores; a `pause` in seconds after each."""
        counted: list[Unit] = []
        for unit in (await self._load()).units:
            counted.append(replace(unit, stores=await self.shards[unit.shard].count(unit)))
            await asyncio.sleep(pause)
        return counted

    async def maintain(self) -> None:
        """Finish what was left half done; note what queries have read, and deal the curve by it."""
        if self._map is None and not any([await shard.claims() for shard in self.shards.values()]):
            return  # nobody has looked for a store yet
        await self.recover()
        await self._note_reads()
        await self.balance(pause=REST_S)

    async def recover(self) -> None:
        """Finish the moves of stores and units that a killed process has left."""
        for name, shard in self.shards.items():
            for unit in await shard.claims():
                if unit.moving_to is not None:
                    await self._complete(unit)
            for row in await shard.on_their_way():
                cells = self._map or await self._load()
                if (at := cells.unit_of(row.cell)).shard != name:
                    continue
                if row.leaving is not None:
                    await self._finish(row, cells)
                elif row.left_at is not None and row.left_at < self._now() - REPEATED:
                    await shard.forget(row, at)

    async def balance(
        self,
        expected: Sequence[int] = (),
        weight: int = 1,
        *,
        max_load: int | None = None,
        pause: float = 0.0,
    ) -> int:
        """Split hot cells and pack all into the shards by load; returns how many units moved.

        Args:
            expected: places on the curve, sorted, of stores that will come.
            weight: how many stores will come to each.
            max_load: of a unit, where it is another one than that of all times.
            pause: seconds after each unit that is counted.
        """
        units = [
            replace(unit, stores=unit.stores + weight * len(inside(unit, expected)))
            for unit in await self.units(pause=pause)
        ]
        fair = sum(unit.load for unit in units) // (PIECES * len(self.shards))
        limit = max(1, min(self._max_load if max_load is None else max_load, fair))
        packed: list[Unit] = []
        for unit in units:
            if unit.load <= limit:
                packed.append(unit)
                continue
            cells = [*await self.shards[unit.shard].cells(unit), *(list(inside(unit, expected)) * weight)]
            parts = refined(unit, sorted(cells), limit)
            await self.shards[unit.shard].split(unit, parts)
            self._map = None
            packed += parts
        moves = pack(packed, list(self.shards), SLACK)
        for unit, to in moves.items():
            await self.move(unit, to)
        return len(moves)

    async def move(self, unit: Unit, to: str) -> None:
        """Move a unit to another shard.

        Raises:
            StaleMap: another process moves it, or has moved it.
        """
        await self.shards[unit.shard].fence(unit, to)
        await self._complete(replace(unit, moving_to=to))

    async def _complete(self, unit: Unit) -> None:
        assert unit.moving_to is not None
        source, target = self.shards[unit.shard], self.shards[unit.moving_to]
        await target.take(unit, await source.rows(unit))
        await source.drop(unit)
        self._map = None

    async def _finish(self, row: Row, cells: CellMap) -> None:
        """The last two steps of a store that leaves for another shard."""
        assert row.leaving is not None
        to = cells.unit_of(cell_of(row.leaving.latitude, row.leaving.longitude))
        await self.shards[to.shard].arrive(row.leaving, to)
        at = cells.unit_of(row.cell)
        await self.shards[at.shard].leave(row, at)

    async def _find(self, cells: CellMap, id_: str) -> Row | None:
        answers = await asyncio.gather(*(shard.find(id_) for shard in self.shards.values()))
        rows = [
            row
            for name, answer in zip(self.shards, answers, strict=True)
            for row in answer
            if row.left_at is None and cells.unit_of(row.cell).shard == name
        ]
        if not rows and any(answers):
            raise StaleMap(f"the store {id_}, or its unit, has moved while shard after shard was read")
        return max(rows, key=lambda row: row.store.version, default=None)

    async def _note_reads(self) -> None:
        reads, self._reads = self._reads, Counter()
        for name, shard in self.shards.items():
            mine = {unit: number for unit, number in reads.items() if unit.shard == name}
            await shard.note_reads(mine, fading=True)

    async def _with_map(self, work: Callable[[CellMap], Awaitable[Result]]) -> Result:
        """The result of `work` with a map that the shards agree to."""
        end = asyncio.get_running_loop().time() + RETRY_S
        while True:
            try:
                return await work(self._map or await self._load())
            except (StaleMap, Incomplete) as error:
                self._map = None
                if asyncio.get_running_loop().time() > end:
                    raise Problem(
                        503, "stores-moving", "These stores are being moved.", headers={"Retry-After": "1"}
                    ) from error
                await asyncio.sleep(PAUSE_S)

    async def _load(self) -> CellMap:
        """The newest map; it is loaded to the end even if nobody waits for it any more."""
        loaded, _ = await self._loads.share("map", self._loaded, detached=True)
        self._map = loaded.result()
        return self._map

    async def _loaded(self) -> CellMap:
        """What the shards say; at first all is the first shard's, with the first stores."""
        claims = [unit for shard in self.shards.values() for unit in await shard.claims()]
        if not claims:
            first = next(iter(self.shards.values()))
            await first.found(seed.stores(self._first_stores))
            claims = await first.claims()
        return CellMap(claims)


def _newest(found: Iterable[Found]) -> Collection[Found]:
    """Each store once: of several versions the newest."""
    best: dict[str, Found] = {}
    for each in found:
        known = best.get(each.store.id)
        if known is None or known.store.version < each.store.version:
            best[each.store.id] = each
    return best.values()
