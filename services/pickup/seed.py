"""Pickup's first data: stores in and around the cities of `places.tsv`, the same in every run."""

import math
import random
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from services.pickup.model import HINTS, Store
from services.pickup.places import Place, places

FEW: Final = 2_000
"""So many are generated when the first customer looks for one."""

RURAL: Final = 0.15
"""The share of stores that are far outside their city."""

STREETS: Final = ("Station Road", "Market Street", "Mill Lane", "High Street", "Church Street", "Quay Street")


def stores(count: int) -> Iterator[Store]:
    """Generate so many stores; of different numbers, the first ones are the same."""
    cities = places()
    weights = list(accumulate(math.sqrt(place.people) for place in cities))
    dice = random.Random(1)  # noqa: S311 (the same in every run)
    for number in range(1, count + 1):
        yield _store(number, dice.choices(cities, cum_weights=weights)[0], dice)


def _store(number: int, place: Place, dice: random.Random) -> Store:
    rural = dice.random() < RURAL
    spread = 150.0 if rural else 3 + math.sqrt(place.people) / 4  # km
    distance, bearing = dice.expovariate(1 / spread), dice.random() * math.tau
    latitude = max(-90.0, min(90.0, place.latitude + distance / 111.2 * math.cos(bearing)))
    east = distance / (111.32 * max(math.cos(math.radians(latitude)), 0.01)) * math.sin(bearing)
    opens = dice.choice((8, 9, 9, 10)) * 60
    return Store(
        id=str(number),
        name=f"Frontispiece {place.names[0]} {number}",
        street=f"{dice.choice(STREETS)} {dice.randint(1, 199)}",
        postal_code=f"{dice.randint(10000, 99999)}",
        city=place.names[0],
        country=place.country,
        latitude=round(latitude, 6),
        longitude=round((place.longitude + east + 180) % 360 - 180, 6),
        zone=place.zone,
        opens=opens,
        closes=dice.choice((18, 19, 20, 21)) * 60,
        stock=dice.getrandbits(HINTS) | dice.getrandbits(HINTS) | dice.getrandbits(HINTS),
    )
