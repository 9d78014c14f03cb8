"""Stores where tests want them."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from frontispiece.http import Problem
from services.pickup.maintenance import Maintenance
from services.pickup.model import Store, chord, chord_of, vector
from services.pickup.shards import Shards

EVERYWHERE = 2.1e7
"""Metres: half around the earth and a little more."""

BERLIN, SYDNEY = (52.52, 13.405), (-33.8688, 151.2093)


def store(id_: str, latitude: float, longitude: float, *, stock: int = 1) -> Store:
    return Store(
        id=id_,
        name=f"Store {id_}",
        street="Mill Lane 3",
        postal_code="10115",
        city="Berlin",
        country="DE",
        latitude=latitude,
        longitude=longitude,
        zone="Europe/Berlin",
        opens=9 * 60,
        closes=20 * 60,
        stock=stock,
    )


def scattered(number: int = 120) -> list[Store]:
    """Stores at the poles and at the antimeridian, in a city and everywhere; some at one place."""
    dice = random.Random(5)  # noqa: S311 (the same in every run)
    places = [(90.0, 0.0), (90.0, 77.0), (-90.0, -180.0), (0.0, 180.0), (0.0, -180.0), BERLIN, BERLIN]
    around = (
        lambda: (90 - dice.expovariate(8), dice.uniform(-180, 180)),
        lambda: (-90 + dice.expovariate(8), dice.uniform(-180, 180)),
        lambda: (dice.gauss(0, 0.2), (180 + dice.gauss(0, 0.1) + 180) % 360 - 180),
        lambda: (52.52 + dice.gauss(0, 0.05), 13.4 + dice.gauss(0, 0.08)),
        lambda: (dice.uniform(-90, 90), dice.uniform(-180, 180)),
    )
    places += [around[n % len(around)]() for n in range(number - len(places))]
    return [store(str(n), *place, stock=1 + n % 2 * 2) for n, place in enumerate(places)]


@asynccontextmanager
async def opened(urls: Mapping[str, str], stores: list[Store] | None = None) -> AsyncIterator[Shards]:
    """The shards as one process has them; with these stores, dealt by load."""
    async with Shards(urls, first_stores=0) as shards:
        if stores:
            await shards.add(stores)
            await Maintenance(shards).balance()
        yield shards


def nearest(
    stores: list[Store], latitude: float, longitude: float, metres: float, *, stock: int = 0
) -> list[str]:
    """The ids of the stores within a distance, the nearest first, by looking at every one."""
    place = vector(latitude, longitude)
    by_distance = sorted((chord(vector(each.latitude, each.longitude), place), each.id) for each in stores)
    having = {each.id for each in stores if each.stock & stock == stock}
    return [id_ for squared, id_ in by_distance if squared <= chord_of(metres) and id_ in having]


async def everything(shards: Shards) -> list[str]:
    """The ids of all stores, each as often as a query finds it; a query is refused only while stores move."""
    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(0)
            try:
                found = (await shards.near(0, 0, EVERYWHERE, limit=10_000)).found
            except Problem as refusal:
                assert refusal.kind == "stores-moving", refusal  # noqa: PT017 (any other is a failure)
                continue
            return sorted(each.store.id for each in found)
