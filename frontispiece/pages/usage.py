"""What the operations of an API have cost, by client and operation, against their budgets."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from frontispiece.telemetry.metrics import Durations

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What one run of an operation may cost: calls to upstreams, and milliseconds."""

    calls: int
    ms: int


@dataclass(slots=True)
class OperationUsage:
    """The runs of one operation by one client: `over` counts those over their budget."""

    calls: int = 0
    runs: int = 0
    durations: Durations = field(default_factory=Durations)
    over: dict[str, int] = field(default_factory=lambda: {"calls": 0, "ms": 0})


class Usage:
    """The runs of all operations of an API, and what was refused.

    Args:
        api: its name, which is unique among all apps, such as `bff-web:/graphql`.
    """

    def __init__(self, api: str) -> None:
        self.api = api
        self.operations: dict[tuple[str, str], OperationUsage] = {}
        """By client and operation."""
        self.excesses: dict[str, int] = {}
        """Operations that took or demanded too much, by mode."""

    def continue_from(self, earlier: "Usage") -> None:
        """Go on counting where an earlier one of this API stopped."""
        self.operations, self.excesses = earlier.operations, earlier.excesses

    def record(self, client: str, operation: str, calls: int, seconds: float, budget: Budget | None) -> None:
        """Count a run."""
        usage = self.operations.setdefault((client, operation), OperationUsage())
        usage.runs += 1
        usage.calls += calls
        usage.durations.add(seconds)
        for name, value in (("calls", calls), ("ms", seconds * 1000)):
            if budget is not None and value > getattr(budget, name):
                usage.over[name] += 1
                limit = getattr(budget, name)
                log.warning(
                    "%s: %s of %s took %.0f %s, over %d", self.api, operation, client, value, name, limit
                )

    def count_excess(self, mode: str) -> None:
        """Count an operation that demands too much."""
        self.excesses[mode] = self.excesses.get(mode, 0) + 1


def collect(usages: Iterable[Usage]) -> Iterator[Metric]:
    """The metrics of several APIs."""
    labels = ["api", "client", "operation"]
    calls = CounterMetricFamily("gateway_api_upstream_calls", "Calls to upstreams.", labels=labels)
    durations = HistogramMetricFamily(
        "gateway_api_duration_seconds", "Until the whole response.", labels=labels
    )
    over = CounterMetricFamily(
        "gateway_api_over_budget", "Runs over their budget.", labels=[*labels, "budget"]
    )
    excesses = CounterMetricFamily(
        "gateway_api_demand_exceeded", "Operations over the limits.", labels=["api", "mode"]
    )
    for usage in usages:
        for (client, operation), seen in usage.operations.items():
            about = (usage.api, client, operation)
            calls.add_metric(about, seen.calls)
            seen.durations.put_into(durations, about)
            for name, count in seen.over.items():
                over.add_metric((*about, name), count)
        for mode, count in usage.excesses.items():
            excesses.add_metric((usage.api, mode), count)
    yield from (calls, durations, over, excesses)
