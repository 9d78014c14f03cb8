"""Bars: as a line of a terminal, and as a picture."""

from collections.abc import Sequence
from html import escape
from typing import Final

BLOCKS: Final = " ▏▎▍▌▋▊▉█"
"""Eighths of a character."""

BAR_CHARACTERS: Final = 30

ROW, LABEL, BAR, AMOUNT = 24, 140, 400, 120
"""Of the picture, in pixels: the height of a row, and the widths of its parts."""


def bar(value: int, highest: int) -> str:
    """A bar as long as its share of the highest value; nothing below zero."""
    eighths = round(max(value, 0) / highest * BAR_CHARACTERS * 8) if highest > 0 else 0
    return BLOCKS[8] * (eighths // 8) + BLOCKS[eighths % 8].strip()


def svg(title: str, values: Sequence[tuple[str, int, str]]) -> str:
    """A picture of bars.

    Args:
        title: above them.
        values: of each, a label, the value, and the value in words.
    """
    highest = max((value for _, value, _ in values), default=0)
    height = ROW * (len(values) + 2)
    rows = [
        f'<text x="{LABEL - 8}" y="{y}" text-anchor="end">{escape(label)}</text>'
        f'<rect x="{LABEL}" y="{y - 12}" width="{width:.1f}" height="16" fill="#2f6690"/>'
        f'<text x="{LABEL + width + 8:.1f}" y="{y}">{escape(words)}</text>'
        for number, (label, value, words) in enumerate(values)
        for y in [ROW * (number + 2)]
        for width in [BAR * max(value, 0) / highest if highest > 0 else 0]
    ]
    width = LABEL + BAR + AMOUNT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"'
        f' font-size="13"><title>{escape(title)}</title><text x="8" y="{ROW}">{escape(title)}</text>'
        + "".join(rows)
        + "</svg>\n"
    )
