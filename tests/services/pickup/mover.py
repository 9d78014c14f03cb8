"""A process that moves a store and a unit to and fro until it is killed: `python -m … URLS`, URLs as JSON."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import replace

from services.pickup.maintenance import Maintenance
from services.pickup.shards import Shards
from tests.services.pickup.world import BERLIN, SYDNEY, opened


async def move_store(shards: Shards) -> None:
    """A store comes to a unit of another shard."""
    known = await shards.find("5")
    assert known is not None
    latitude, longitude = SYDNEY if known.latitude > 0 else BERLIN
    await shards.change(replace(known, latitude=latitude, longitude=longitude, version=known.version + 1))


async def move_unit(shards: Shards) -> None:
    """A unit with stores comes to another shard."""
    unit = max(await Maintenance(shards).units(), key=lambda each: each.stores)
    assert unit.stores > 1
    await Maintenance(shards).move(unit, "1" if unit.shard == "0" else "0")


async def main(urls: Mapping[str, str]) -> None:
    """Move, and say so in a line each time."""
    async with opened(urls) as shards:
        await Maintenance(shards).recover()
        while True:
            await move_store(shards)
            await move_unit(shards)
            print("moved", flush=True)  # noqa: T201 (the test reads it)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
