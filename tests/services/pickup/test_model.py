import math
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pickup.cells import cell_of, covering
from services.pickup.model import (
    EARTH,
    FACES,
    CellMap,
    Incomplete,
    Unit,
    children,
    chord,
    chord_of,
    metres_of,
    pack,
    vector,
)
from services.pickup.places import find
from tests.services.pickup.world import BERLIN, store

LATITUDES = st.floats(-90, 90) | st.sampled_from([90.0, -90.0, 89.9999, -89.9999, 0.0])
LONGITUDES = st.floats(-180, 180) | st.sampled_from([180.0, -180.0, 179.9999, -179.9999, 0.0])
RADII = st.floats(1, 50_000) | st.just(10_000.0)


def beside(latitude: float, longitude: float, metres: float, bearing: float) -> tuple[float, float]:
    """The place so far away in this direction."""
    phi, angle = math.radians(latitude), metres / EARTH
    sine = math.sin(phi) * math.cos(angle) + math.cos(phi) * math.sin(angle) * math.cos(bearing)
    there = math.asin(max(-1.0, min(1.0, sine)))
    east = math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(phi), math.cos(angle) - math.sin(phi) * math.sin(there)
    )
    return math.degrees(there), (longitude + math.degrees(east) + 180) % 360 - 180


@given(LATITUDES, LONGITUDES, RADII, st.floats(0, 1), st.floats(0, math.tau))
def test_whatever_is_within_a_radius_lies_in_the_cells_that_the_radius_meets(
    latitude: float, longitude: float, metres: float, share: float, bearing: float
) -> None:
    there = beside(latitude, longitude, metres * share, bearing)
    squared = chord(vector(latitude, longitude), vector(*there))
    cell, parts = cell_of(*there), covering(latitude, longitude, metres)

    assert metres_of(squared) == pytest.approx(metres * share, abs=0.01)
    assert squared > chord_of(metres) or any(first <= cell <= last for first, last in parts)
    assert all(one.last + 1 < other.first for one, other in pairwise(parts))


def test_a_map_knows_the_newest_shard_of_every_place_and_wants_no_gap() -> None:
    claims = [Unit(first=first, last=last, epoch=1, shard="0") for first, last in FACES]
    quarters = [Unit(first=a, last=b, epoch=3, shard="1") for a, b in children(*FACES[2])]
    cells = CellMap([*claims, *quarters])

    assert {unit.shard for unit in cells.units if FACES[2].first <= unit.first <= FACES[2].last} == {"1"}
    assert cells.unit_of(FACES[2].last) == quarters[-1]
    assert cells.meeting([FACES[2]]).keys() == {"1"}
    with pytest.raises(Incomplete):
        CellMap(claims[:-1])


@given(st.lists(st.integers(0, 100), min_size=24, max_size=24), st.integers(1, 4))
def test_units_are_packed_into_one_piece_of_the_curve_a_shard_each_with_its_share(
    loads: list[int], number: int
) -> None:
    parts = [part for face in FACES for part in children(*face)]
    units = [
        Unit(first=part.first, last=part.last, epoch=1, shard="0", stores=load)
        for part, load in zip(parts, loads, strict=True)
    ]
    names = [str(n) for n in range(number)]
    moves = pack(units, names, 0.0)
    packed = [(moves.get(unit, unit.shard), unit.load) for unit in units]

    assert [name for name, _ in packed] == sorted(name for name, _ in packed)
    for name in names:
        assert sum(load for to, load in packed if to == name) <= sum(loads) / number + max(loads)


@pytest.mark.parametrize(
    ("now", "ready"),
    [
        ("2026-11-30T09:07:00+01:00", "2026-11-30T10:15:00+01:00"),
        ("2026-11-30T06:00:00+01:00", "2026-11-30T09:00:00+01:00"),
        ("2026-11-30T19:00:00+01:00", "2026-11-30T20:00:00+01:00"),
        ("2026-11-30T19:00:01+01:00", "2026-12-01T09:00:00+01:00"),
    ],
    ids=["in an hour", "before it opens", "just before it closes", "tomorrow"],
)
def test_an_order_is_ready_when_the_store_is_open(now: str, ready: str) -> None:
    at = store("7", *BERLIN).ready_at(datetime.fromisoformat(now).astimezone(UTC))

    assert at.isoformat() == ready


@pytest.mark.parametrize(
    ("now", "ready"),
    [
        ("2026-11-30T23:30:00+01:00", "2026-12-01T00:30:00+01:00"),
        ("2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"),
        ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"),
    ],
    ids=["before midnight", "when summer begins", "when summer ends"],
)
def test_an_order_takes_an_hour_where_the_store_is_always_open(now: str, ready: str) -> None:
    always = replace(store("7", *BERLIN), opens=0, closes=24 * 60)

    assert always.ready_at(datetime.fromisoformat(now)).isoformat() == ready


@pytest.mark.parametrize(
    ("text", "country", "name"),
    [(" köln", None, "Cologne"), ("MUNCHEN", "DE", "Munich"), ("val", "MT", "Valletta"), ("x", None, None)],
)
def test_a_place_is_found_by_any_of_its_names(text: str, country: str | None, name: str | None) -> None:
    found = find(text, country)

    assert (found.names[0] if found else None) == name
