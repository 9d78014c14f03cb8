"""Numbers for Prometheus, counted in plain ints: an addition costs a tenth of a locked one.

Each of these is a collector: `registry.register(counter)`. For a single thread.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Where a duration's buckets end, in seconds; one more takes all that is longer."""


class Counter:
    """How often something happened, told apart by labels.

    Args:
        name: in Prometheus, without `_total`.
        meaning: one sentence.
        labels: their names; `add` takes a value for each, from few possible ones.
    """

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self._about = name, meaning, labels
        self._counts: defaultdict[tuple[str, ...], int] = defaultdict(int)

    def add(self, *values: str, count: int = 1) -> None:
        """Count it once more, or so many times."""
        self._counts[values] += count

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What has been counted."""
        name, meaning, labels = self._about
        family = CounterMetricFamily(name, meaning, labels=labels)
        for values, count in self._counts.items():
            family.add_metric(values, count)
        yield family


class Durations:
    """How long something took, in buckets."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """Count one of this length."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._sum += seconds

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self._counts)

    def put_into(self, family: HistogramMetricFamily, values: tuple[str, ...]) -> None:
        """Add what has been counted to a family, under these labels."""
        ends = [*map(str, BOUNDS), "+Inf"]
        family.add_metric(values, list(zip(ends, accumulate(self._counts), strict=True)), self._sum)
