"""The world with the shard of every cell, as a picture."""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Final

from services.pickup.cells import cell_of, place_of
from services.pickup.model import CellMap, Unit

STEP: Final = 2
"""Degrees of a square of the background."""

SCALE: Final = 4
"""Pixels a degree."""

COLOURS: Final = ("#2f6690", "#d17a22", "#3a7d44", "#8e4162", "#6c757d", "#b8902b", "#4c5fa1", "#a63d40")

LEGEND: Final = 28


def svg(units: Sequence[Unit], shards: Sequence[str]) -> str:
    """A map: land and sea in the colour of their shard, and a disc for the stores of each cell."""
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(shards)}
    cells = CellMap(units)
    width, height = 360 * SCALE, 180 * SCALE + LEGEND
    squares = "".join(_row(cells, colours, north) for north in range(90, -90, -STEP))
    discs = "".join(_disc(unit, colours[unit.shard]) for unit in units if unit.stores)
    legend = "".join(
        f'<rect x="{8 + 220 * number}" y="{180 * SCALE + 8}" width="14" height="14" fill="{colours[name]}"/>'
        f'<text x="{28 + 220 * number}" y="{180 * SCALE + 20}">shard {escape(name)}: '
        f"{sum(unit.stores for unit in units if unit.shard == name)} stores</text>"
        for number, name in enumerate(shards)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"'
        f' font-size="13"><title>Stores and their shards</title>'
        f'<g fill-opacity="0.25">{squares}</g><g fill-opacity="0.7">{discs}</g>{legend}</svg>\n'
    )


def _row(cells: CellMap, colours: dict[str, str], north: int) -> str:
    """Squares of one latitude; neighbours of one shard are one."""
    middle = north - STEP / 2
    shards = [
        (west, cells.unit_of(cell_of(middle, west + STEP / 2)).shard) for west in range(-180, 180, STEP)
    ]
    parts = [(shard, [west for west, _ in run]) for shard, run in groupby(shards, key=lambda each: each[1])]
    return "".join(
        f'<rect x="{(wests[0] + 180) * SCALE}" y="{(90 - north) * SCALE}" '
        f'width="{len(wests) * STEP * SCALE}" height="{STEP * SCALE}" fill="{colours[shard]}"/>'
        for shard, wests in parts
    )


def _disc(unit: Unit, colour: str) -> str:
    latitude, longitude = place_of((unit.first + unit.last) // 2)
    x, y = (longitude + 180) * SCALE, (90 - latitude) * SCALE
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{unit.stores**0.5 / 8 + 1:.1f}" fill="{colour}"/>'
