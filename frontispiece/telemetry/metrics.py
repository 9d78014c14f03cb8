"""Counters and histograms for Prometheus, for a single thread: without locks, at a tenth of their cost.

Each is a collector: `registry.register(counter)`.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of a duration, in seconds; one more has no bound."""


class Counter:
    """Counts events by labels.

    Args:
        name: in Prometheus, without `_total`.
        labels: their names; `add` takes a value for each, of few possible ones.
    """

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self._about = name, meaning, labels
        self._counts: defaultdict[tuple[str, ...], int] = defaultdict(int)

    def add(self, *values: str, count: int = 1) -> None:
        """Add to the count for these labels."""
        self._counts[values] += count

    @property
    def counts(self) -> Mapping[tuple[str, ...], int]:
        """The counts by the values of their labels."""
        return self._counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The counts, for the registry."""
        name, meaning, labels = self._about
        family = CounterMetricFamily(name, meaning, labels=labels)
        for values, count in self._counts.items():
            family.add_metric(values, count)
        yield family


class Durations:
    """A histogram of durations."""

    __slots__ = ("buckets", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        """Durations up to each bound and above the one before; the last are above all."""
        self.sum = 0.0
        """All durations together, in seconds."""

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.sum += seconds

    @property
    def count(self) -> int:
        """The number of durations."""
        return sum(self.buckets)

    def put_into(self, family: HistogramMetricFamily, values: tuple[str, ...]) -> None:
        """Add the histogram to a family, under these labels."""
        ends = [*map(str, BOUNDS), "+Inf"]
        family.add_metric(values, list(zip(ends, accumulate(self.buckets), strict=True)), self.sum)


class CombinedCollector(Collector):
    """Collectors of the same metrics, whose labels differ, as one."""

    def __init__(self, collectors: Iterable[Collector]) -> None:
        self._collectors = tuple(collectors)

    def collect(self) -> Iterator[Metric]:
        """Each metric once, with the samples of all, for the registry."""
        families: dict[str, Metric] = {}
        for collector in self._collectors:
            for family in collector.collect():
                if family.name in families:
                    families[family.name].samples.extend(family.samples)
                else:
                    families[family.name] = family
        yield from families.values()
