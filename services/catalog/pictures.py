"""Product pictures: the SVG files in `pictures/`, two for each product of the first data."""

import re
from pathlib import Path

FOLDER = Path(__file__).with_name("pictures")
PLACEHOLDER = FOLDER / "placeholder.svg"
"""The picture of any product that has none of its own, such as an imported one."""

WIDTHS = (160, 320, 640, 1280)
"""Widths in pixels that a picture is served in; pictures are square."""

VIEWS = ("", ", seen closely")
"""What the first and the second picture of a product add to its name."""

_FILE = re.compile(r"([1-9])-([1-9][0-9]{2,3})\.svg")


def url(sku: str, number: int, width: int) -> str:
    """Where a product's first or second picture is served in this width."""
    return f"/pictures/{sku}/{number}-{width}.svg"


def read(sku: str, file: str) -> bytes | None:
    """The SVG document of a file such as `1-320.svg`; None when no product has such a file."""
    match = _FILE.fullmatch(file)
    number, width = (int(part) for part in match.groups()) if match else (0, 0)
    if width not in WIDTHS or not 1 <= number <= len(VIEWS):
        return None
    path = FOLDER / f"{sku}-{number}.svg"
    svg = (path if path.is_file() else PLACEHOLDER).read_bytes()
    return svg.replace(b"<svg ", f'<svg width="{width}" height="{width}" '.encode(), 1)
