"""Places and circles on the curve of S2 cells; the library is imported by the first call."""

from typing import Final

from services.pickup.model import EARTH, Range

OFFSET: Final = 1 << 63
"""Cell ids have 64 bits without a sign, columns of databases have one."""

MAX_CELLS: Final = 16
"""Of a circle: more fit it better and take longer to find; `docs/decisions/0059-cells-of-stores.md`."""

MARGIN: Final = 1e-9, 1e-12
"""By how much a circle is covered beyond its radius, as a share and in radians: roundings lose no store."""


def cell_of(latitude: float, longitude: float) -> int:
    """The place on the curve."""
    import s2geometry as s2  # noqa: PLC0415 (not at start)

    cell: int = s2.S2CellId(s2.S2LatLng.FromDegrees(latitude, longitude)).id()
    return cell - OFFSET


def covering(latitude: float, longitude: float, metres: float) -> list[Range]:
    """Parts of the curve that have all places of a circle, along the curve, none touching another."""
    import s2geometry as s2  # noqa: PLC0415 (not at start)

    centre = s2.S2LatLng.FromDegrees(latitude, longitude).ToPoint()
    radius = metres / EARTH * (1 + MARGIN[0]) + MARGIN[1]
    coverer = s2.S2RegionCoverer()
    coverer.set_max_cells(MAX_CELLS)
    ranges: list[Range] = []
    for cell in coverer.GetCovering(s2.S2Cap(centre, s2.S1Angle.Radians(radius))):
        first = cell.range_min().id() - OFFSET - 1
        last = cell.range_max().id() - OFFSET
        if ranges and ranges[-1].last + 1 == first:
            ranges[-1] = Range(ranges[-1].first, last)
        else:
            ranges.append(Range(first, last))
    return ranges


def place_of(cell: int) -> tuple[float, float]:
    """The latitude and the longitude of a place on the curve."""
    import s2geometry as s2  # noqa: PLC0415 (not at start)

    place = s2.S2CellId((cell | 1) + OFFSET).ToLatLng()
    return place.lat().degrees(), place.lng().degrees()
