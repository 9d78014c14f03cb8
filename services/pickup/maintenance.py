"""The upkeep of the shards: hot units are split, units move to shards of less load, begun moves are finished.

A move has three steps: the old shard refuses changes in the unit, the new one takes it over with a higher
epoch, the old one deletes it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from services.pickup.model import Unit, inside, pack, refined
from services.pickup.shards import Shards

MAX_LOAD: Final = 2_000
"""The load of a unit above which it is split."""

PIECES: Final = 8
"""Units are split until each shard could have so many of them: fewer cannot be packed evenly."""

SLACK: Final = 0.25
"""The share above the average load that a shard may have before units move."""

REST_S: Final = 0.01
"""The pause of maintenance after each unit that it counts: queries do not wait for thousands of them."""

REPEATED: Final = timedelta(seconds=60)
"""How long a shard keeps the copy of a store that has left it: longer than any query takes."""


class Maintenance:
    """Keeps the shards of about the same load.

    Args:
        shards: all, open.
        max_load: of a unit.
    """

    def __init__(self, shards: Shards, max_load: int = MAX_LOAD) -> None:
        self.shards = shards
        self._by_name = shards.shards
        self._max_load = max_load

    async def units(self, *, pause: float = 0.0) -> list[Unit]:
        """All units along the curve, with the numbers of their stores; a `pause` in seconds after each."""
        counted: list[Unit] = []
        for unit in (await self.shards.load()).units:
            counted.append(replace(unit, stores=await self._by_name[unit.shard].count(unit)))
            await asyncio.sleep(pause)
        return counted

    async def maintain(self) -> None:
        """Finish begun moves, note what queries have read, and balance the load of the shards."""
        if not any([await shard.claims() for shard in self._by_name.values()]):
            return  # nobody has looked for a store yet
        await self.recover()
        await self._note_reads()
        await self.balance(pause=REST_S)

    async def recover(self) -> None:
        """Finish the moves of stores and units that a killed process has left."""
        for name, shard in self._by_name.items():
            for unit in await shard.claims():
                if unit.moving_to is not None:
                    await self._complete(unit)
            for row in await shard.on_their_way():
                cells = await self.shards.cells()
                if (at := cells.unit_of(row.cell)).shard != name:
                    continue
                if row.leaving is not None:
                    await self.shards.finish(row, cells)
                elif row.left_at is not None and row.left_at < self.shards.now() - REPEATED:
                    await shard.forget(row, at)

    async def balance(self, expected: Sequence[int] = (), weight: int = 1, *, pause: float = 0.0) -> int:
        """Split hot cells and pack all into the shards by load; returns how many units moved.

        Args:
            expected: places on the curve, sorted, of stores that will come.
            weight: how many stores will come to each.
            pause: seconds after each unit that is counted.
        """
        units = [
            replace(unit, stores=unit.stores + weight * len(inside(unit, expected)))
            for unit in await self.units(pause=pause)
        ]
        fair = sum(unit.load for unit in units) // (PIECES * len(self._by_name))
        limit = max(1, min(self._max_load, fair))
        packed: list[Unit] = []
        for unit in units:
            if unit.load <= limit:
                packed.append(unit)
                continue
            cells = [*await self._by_name[unit.shard].cells(unit), *(list(inside(unit, expected)) * weight)]
            parts = refined(unit, sorted(cells), limit)
            await self._by_name[unit.shard].split(unit, parts)
            self.shards.forget_map()
            packed += parts
        moves = pack(packed, list(self._by_name), SLACK)
        for unit, to in moves.items():
            await self.move(unit, to)
        return len(moves)

    async def move(self, unit: Unit, to: str) -> None:
        """Move a unit to another shard.

        Raises:
            StaleMap: another process moves it, or has moved it.
        """
        await self._by_name[unit.shard].fence(unit, to)
        await self._complete(replace(unit, moving_to=to))

    async def _complete(self, unit: Unit) -> None:
        assert unit.moving_to is not None
        source, target = self._by_name[unit.shard], self._by_name[unit.moving_to]
        await target.take(unit, await source.rows(unit))
        await source.drop(unit)
        self.shards.forget_map()

    async def _note_reads(self) -> None:
        reads = self.shards.take_reads()
        for name, shard in self._by_name.items():
            mine = {unit: number for unit, number in reads.items() if unit.shard == name}
            await shard.note_reads(mine, fading=True)
