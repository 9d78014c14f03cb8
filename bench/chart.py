"""Pictures of results: bars, and curves over two scales. They stand on light and on dark pages."""

from collections.abc import Mapping, Sequence
from math import log10
from typing import NamedTuple
from xml.sax.saxutils import escape

from bench.measure import Measured
from bench.report import FULL, ratio
from bench.scenarios import Scenario

WIDTH, ROW, MARGIN = 760, 20, 16
"""Pixels."""

HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 380, 76, 200, 24, 56
"""Pixels: of a picture of curves from top to bottom, and of the margins around them."""

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .figure { font-variant-numeric: tabular-nums; }
  .ours { fill: #b3541e; }
  .other { fill: #8a94a3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .ours { fill: #e0803f; }
    .other { fill: #6e7887; }
  }
"""

CURVES = """
  path { fill: none; stroke-width: 2; }
  path.ours { stroke: #b3541e; } path.other { stroke: #6e7887; } path.reads { stroke: #2f6f4f; }
  path.ours, path.other, path.reads { fill: none; }
  .dashed { stroke-dasharray: 5 4; }
  line { stroke: #8a94a3; stroke-width: 1; opacity: .5; }
  line.mark { stroke: #b3541e; opacity: 1; stroke-dasharray: 2 3; }
  .end { text-anchor: end; } .middle { text-anchor: middle; }
"""


class Bar(NamedTuple):
    """A bar: its name, its share of the full width (None for no bar), and the text behind it."""

    name: str
    share: float | None
    text: str
    style: str = "ours"


class Curve(NamedTuple):
    """A curve through points: `x` is a share of the width, `y` a value of the scale."""

    title: str
    style: str
    points: Sequence[tuple[float, float]]


def svg(results: Sequence[tuple[Scenario, Sequence[Measured]]]) -> str:
    """The rates of all candidates: a bar for each, in the scenario's own scale."""
    groups = {}
    for scenario, measured in results:
        highest = max((one.median("rate") for one in measured if one.rounds), default=0.0)
        groups[scenario.title] = [_bar(one, measured[0], highest) for one in measured]
    label = "Requests a second of each candidate on one core, by scenario"
    caption = (
        "Requests a second on one core, and how many for each of ours; + could do more than it was asked."
    )
    return bars(groups, label, names=210, figures=150, caption=caption)


def _bar(one: Measured, first: Measured, highest: float) -> Bar:
    title = one.candidate.title
    if not one.rounds or not highest:
        return Bar(title, None, "not measured")
    rate = one.median("rate")
    more = "+" if one.median("busy") < FULL else ""
    to_first = ratio(one, first)
    times = f" ({to_first:.2f})" if to_first is not None and one is not first else ""
    wrong = f", {one.errors} errors" if one.errors else ""
    style = "ours" if one.candidate.is_frontispiece else "other"
    return Bar(title, rate / highest, f"{rate:,.0f}{more}{times}{wrong}", style)


def bars(
    groups: Mapping[str, Sequence[Bar]], label: str, *, names: int, figures: int, caption: str = ""
) -> str:
    """Bars under titles.

    Args:
        groups: by title.
        label: of the picture, for who cannot see it.
        names: pixels of the names on the left.
        figures: pixels of the figures on the right.
        caption: below them.
    """
    parts, top = [], MARGIN
    for title, rows in groups.items():
        parts.append(f'<text class="title" x="{MARGIN}" y="{top + 14}">{escape(title)}</text>')
        top += ROW + 4
        for name, share, text, style in rows:
            width = 0.0 if share is None else max(1.0, share * (WIDTH - names - figures))
            parts.append(f'<text x="{MARGIN}" y="{top + 14}">{escape(name)}</text>')
            if width:
                size = f'width="{width:.1f}" height="{ROW - 6}"'
                parts.append(f'<rect class="{style}" x="{names}" y="{top + 3}" {size} rx="2"/>')
            parts.append(f'<text class="figure" x="{names + width + 6:.1f}" y="{top + 14}">{text}</text>')
            top += ROW
        top += ROW
    if caption:
        parts.append(f'<text x="{MARGIN}" y="{top + 8}">{caption}</text>')
        top += ROW
    return _picture(parts, top, label)


def curves(
    series: Sequence[Curve],
    x_scale: Mapping[float, str],
    y_scale: Mapping[float, str],
    label: str,
    caption: str,
    *,
    marks: Mapping[str, float],
) -> str:
    """Curves over a logarithmic scale of values.

    Args:
        series: the curves.
        x_scale: texts by shares of the width.
        y_scale: texts by values, the first and the last of which are the ends.
        label: of the picture, for who cannot see it.
        caption: below them.
        marks: lines, at `x` and at `y`.
    """
    lowest, *_, highest = y_scale

    def x_of(share: float) -> float:
        return LEFT + 24 + share * (WIDTH - LEFT - RIGHT - 48)

    def y_of(value: float) -> float:
        share = log10(max(value, lowest) / lowest) / log10(highest / lowest)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = []
    for value, text in y_scale.items():
        y = y_of(value)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="end figure" x="{LEFT - 8}" y="{y + 4:.1f}">{text}</text>')
    for share, text in x_scale.items():
        place = f'x="{x_of(share):.1f}" y="{HEIGHT - BOTTOM + 20}"'
        parts.append(f'<text class="middle figure" {place}>{text}</text>')
    labels: list[float] = []
    for title, style, points in series:
        places = [(x_of(share), y_of(value)) for share, value in points]
        parts.append(f'<path class="{style}" d="M{" L".join(f"{x:.1f} {y:.1f}" for x, y in places)}"/>')
        y = places[-1][1]
        while any(abs(y - other) < ROW - 4 for other in labels):
            y += 4
        labels.append(y)
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">{title}</text>')
    if "x" in marks:
        x = x_of(marks["x"])
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    if "y" in marks:
        y = y_of(marks["y"])
        parts.append(f'<line class="mark" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts.append(f'<text class="middle" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}">{caption}</text>')
    return _picture(parts, HEIGHT, label, STYLE + CURVES)


def _picture(parts: Sequence[str], height: int, label: str, style: str = STYLE) -> str:
    """These parts as a file, without a background of its own: it stands on light and on dark pages."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="{label}">\n<style>{style}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
