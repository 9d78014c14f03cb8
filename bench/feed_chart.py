"""What `bench.feed` has measured of both strategies, as a table and a picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log10
from typing import Final

from bench.chart import STYLE, WIDTH, picture
from services.feed.app import FeedSettings

LIMITS: Final = (0, 100, 300, 1000, 3000, 10_000, 100_000)
"""The first is fan-out on read alone, the last is fan-out on write alone."""

DEFAULT: Final[int] = FeedSettings.model_fields["fan_out_limit"].default
READS: Final = 10
"""Reads beside one news, in the mixed cost."""

BUDGET: Final = 20.0
"""Milliseconds that a read may take, p99: no news may hold up a shard for longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Processor time with a limit, in seconds.

    Args:
        limit: followers of a brand in a shard up to which its news are fanned out on write.
        news: of one news in all shards.
        longest: of one news in one shard, p99.
        reads: of one read.
        rows: that one news writes into timelines.
    """

    limit: int
    news: float
    longest: float
    reads: float
    rows: float

    @property
    def mixed(self) -> float:
        """Of one news and the reads beside it."""
        return self.news + READS * self.reads


CURVES: Final[Sequence[tuple[str, str, Callable[[Cost], float]]]] = (
    ("one news in one shard, p99", "other dashed", lambda cost: cost.longest),
    (f"one news and {READS} reads", "ours", lambda cost: cost.mixed),
    ("one news", "other", lambda cost: cost.news),
    ("one read", "reads", lambda cost: cost.reads),
)


def table(costs: Sequence[Cost]) -> str:
    """A row for each limit."""
    heading = "| limit | news | longest | read | mixed | rows of one news |\n|--:|--:|--:|--:|--:|--:|\n"
    return heading + "\n".join(
        f"| {_name(cost.limit)} | {cost.news * 1e3:.2f} | {cost.longest * 1e3:.1f} | {cost.reads * 1e3:.2f} "
        f"| {cost.mixed * 1e3:.1f} | {cost.rows:,.0f} |"
        for cost in costs
    )


def _name(limit: int) -> str:
    ends = {LIMITS[0]: "0 (all on read)", LIMITS[-1]: "none (all on write)"}
    return ends.get(limit, f"{limit:,}")


HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 380, 76, 200, 24, 56
"""Pixels: of all from top to bottom, and of the margins around the curves."""

LOWEST, HIGHEST = 0.1, 1000.0
"""Milliseconds at the ends of the scale."""

OWN_STYLE: Final = (
    STYLE
    + """
  path { fill: none; stroke-width: 2; }
  path.ours { stroke: #b3541e; } path.other { stroke: #6e7887; } path.reads { stroke: #2f6f4f; }
  path.ours, path.other, path.reads { fill: none; }
  .dashed { stroke-dasharray: 5 4; }
  line { stroke: #8a94a3; stroke-width: 1; opacity: .5; }
  line.mark { stroke: #b3541e; opacity: 1; stroke-dasharray: 2 3; }
  .end { text-anchor: end; } .middle { text-anchor: middle; }
"""
)


def chart(costs: Sequence[Cost]) -> str:
    """The curves over the limit, without a background: they stand on light and on dark pages."""
    parts = [*_scale(), *_marks(costs)]
    labels: list[float] = []
    for title, style, of in CURVES:
        points = [(_x(index, len(costs)), _y(of(cost) * 1e3)) for index, cost in enumerate(costs)]
        line = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        y = points[-1][1]
        while any(abs(y - other) < 16 for other in labels):  # noqa: PLR2004 (the height of a line)
            y += 4
        labels.append(y)
        parts.append(f'<path class="{style}" d="M{line}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">{title}</text>')
    label = "Processor time of news and reads by the limit of followers"
    return picture(parts, HEIGHT, label, OWN_STYLE)


def _scale() -> list[str]:
    parts = []
    for power in range(round(log10(LOWEST)), round(log10(HIGHEST)) + 1):
        y = _y(10.0**power)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="end figure" x="{LEFT - 8}" y="{y + 4:.1f}">{10.0**power:g} ms</text>')
    y = _y(BUDGET)
    parts.append(f'<line class="mark" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts.append(f'<text x="{LEFT + 6}" y="{y + 15:.1f}">the budget of a read, {BUDGET:g} ms</text>')
    return parts


def _marks(costs: Sequence[Cost]) -> list[str]:
    parts = []
    for index, cost in enumerate(costs):
        x = _x(index, len(costs))
        text = {LIMITS[0]: "0", LIMITS[-1]: "no limit"}.get(cost.limit, f"{cost.limit:,}")
        parts.append(f'<text class="middle figure" x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}">{text}</text>')
        if cost.limit == DEFAULT:
            parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    caption = "followers in a shard up to which news are fanned out on write"
    parts.append(f'<text class="middle" x="{middle:.1f}" y="{HEIGHT - 12}">{caption}</text>')
    return parts


def _x(index: int, count: int) -> float:
    return LEFT + 24 + index * (WIDTH - LEFT - RIGHT - 48) / max(1, count - 1)


def _y(milliseconds: float) -> float:
    share = (log10(max(milliseconds, LOWEST)) - log10(LOWEST)) / (log10(HIGHEST) - log10(LOWEST))
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
