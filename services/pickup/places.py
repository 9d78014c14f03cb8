"""The places that the shop knows by name: cities, from `places.tsv`."""

import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("places.tsv")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A city with its names, and thousands of people."""

    names: tuple[str, ...]
    country: str
    latitude: float
    longitude: float
    zone: str
    people: int


@cache
def places() -> tuple[Place, ...]:
    """All places."""
    rows = (line.split("\t") for line in FILE.read_text(encoding="utf-8").splitlines())
    return tuple(
        Place(
            names=tuple(names.split("|")),
            country=country,
            latitude=float(latitude),
            longitude=float(longitude),
            zone=zone,
            people=int(people),
        )
        for names, country, latitude, longitude, zone, people in rows
    )


def find(text: str, country: str | None = None) -> Place | None:
    """The largest place whose name is this or begins with it; those of the country come first."""
    wanted = _plain(text)
    if not wanted:
        return None

    def rank(place: Place) -> tuple[bool, bool, int]:
        return wanted in map(_plain, place.names), place.country == country, place.people

    begins = [each for each in places() if any(_plain(name).startswith(wanted) for name in each.names)]
    return max(begins, key=rank, default=None)


def _plain(text: str) -> str:
    """The text without accents, case and outer white space."""
    letters = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
