"""The results as a picture: a bar for each candidate, in the scenario's own scale."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from bench.measure import Measured
from bench.report import FULL, ratio
from bench.scenarios import Scenario

WIDTH, NAMES, FIGURES = 760, 210, 150
"""Pixels: of all, of the names on the left, of the figures on the right."""

ROW, HEADING, MARGIN = 20, 34, 16

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


def svg(results: Sequence[tuple[Scenario, Sequence[Measured]]]) -> str:
    """The picture, without a background of its own: it stands on light and on dark pages."""
    parts = []
    top = MARGIN
    for scenario, measured in results:
        parts.append(f'<text class="title" x="{MARGIN}" y="{top + 14}">{escape(scenario.title)}</text>')
        top += HEADING - ROW // 2
        highest = max((one.median("rate") for one in measured if one.rounds), default=0.0)
        for one in measured:
            parts.append(_bar(one, measured[0], highest, top))
            top += ROW
        top += HEADING - ROW // 2
    height = top + MARGIN
    label = "Requests a second of each candidate on one core, by scenario"
    caption = (
        "Requests a second on one core, and how many for each of ours; + could do more than it was asked."
    )
    note = f'<text x="{MARGIN}" y="{height - 8}">{caption}</text>'
    return picture([*parts, note], height, label)


def bars(
    groups: Mapping[str, Sequence[tuple[str, float, str]]], label: str, *, names: int, figures: int
) -> str:
    """Bars under titles: of each the name, the share of the full width, and what stands behind it.

    Args:
        groups: by title.
        label: of the picture, for who cannot see it.
        names: pixels of the names on the left.
        figures: pixels of the figures on the right.
    """
    parts, top = [], MARGIN
    for title, rows in groups.items():
        parts.append(f'<text class="title" x="{MARGIN}" y="{top + 14}">{escape(title)}</text>')
        top += ROW + 4
        for name, share, text in rows:
            width = max(1.0, share * (WIDTH - names - figures))
            size = f'width="{width:.1f}" height="{ROW - 6}"'
            parts += [
                f'<text x="{MARGIN}" y="{top + 14}">{escape(name)}</text>',
                f'<rect class="ours" x="{names}" y="{top + 3}" {size} rx="2"/>',
                f'<text class="figure" x="{names + width + 6:.1f}" y="{top + 14}">{text}</text>',
            ]
            top += ROW
        top += ROW
    return picture(parts, top, label)


def picture(parts: Sequence[str], height: int, label: str, style: str = STYLE) -> str:
    """These parts as a file, without a background of its own: it stands on light and on dark pages."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="{label}">\n<style>{style}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bar(one: Measured, first: Measured, highest: float, top: int) -> str:
    name = f'<text x="{MARGIN}" y="{top + 14}">{escape(one.candidate.title)}</text>'
    if not one.rounds or not highest:
        return f'{name}<text class="figure" x="{NAMES}" y="{top + 14}">not measured</text>'
    rate = one.median("rate")
    width = max(1.0, rate / highest * (WIDTH - NAMES - FIGURES))
    of_ours = "ours" if one.candidate.ours else "other"
    more = "+" if one.median("busy") < FULL else ""
    to_first = ratio(one, first)
    times = f" ({to_first:.2f})" if to_first is not None and one is not first else ""
    wrong = f", {one.errors} errors" if one.errors else ""
    bar = f'<rect class="{of_ours}" x="{NAMES}" y="{top + 3}" width="{width:.1f}" height="{ROW - 6}" rx="2"/>'
    figures = f"{rate:,.0f}{more}{times}{wrong}"
    return f'{name}{bar}<text class="figure" x="{NAMES + width + 6:.1f}" y="{top + 14}">{figures}</text>'
