"""What `bench.feed` has measured of both strategies, as a table and a picture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.chart import Curve, curves
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


def chart(costs: Sequence[Cost]) -> str:
    """The curves over the limit."""
    shares = [index / max(1, len(costs) - 1) for index in range(len(costs))]
    texts = {LIMITS[0]: "0", LIMITS[-1]: "no limit"}
    return curves(
        [
            Curve(title, style, [(share, of(cost) * 1e3) for share, cost in zip(shares, costs, strict=True)])
            for title, style, of in CURVES
        ],
        {share: texts.get(cost.limit, f"{cost.limit:,}") for share, cost in zip(shares, costs, strict=True)},
        {10.0**power: f"{10.0**power:g} ms" for power in range(-1, 4)},
        "Processor time of news and reads by the limit of followers",
        f"followers in a shard up to which news are written; dotted: {BUDGET:g} ms, as a read may take",
        marks={"x": shares[LIMITS.index(DEFAULT)], "y": BUDGET},
    )
