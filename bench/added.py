"""How much a page adds to its slowest chain of calls, at half of the load that it can bear.

Page and chain are asked for in the same way, at the same rate, in turn; what is added is the difference of
their percentiles. The chain of the page of three sources is one call that takes 20 ms.
"""

import statistics
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench import load
from bench.candidates import Candidate
from bench.checks import fault_of
from bench.measure import Effort, Running, Say, settled, start
from bench.pace import Paced, paced
from bench.processes import Missing
from bench.scenarios import Scenario
from bench.world import World
from frontispiece.server.child_process import ChildFailed

CHAIN = "/part/a"
"""What the slowest chain of the page of three sources asks for."""


@dataclass(kw_only=True, slots=True)
class Added:
    """A page beside its slowest chain: latencies in milliseconds, a run of each for every round."""

    candidate: Candidate
    rate: float = 0.0
    """Pages a second: half of what it can do."""

    pages: list[Paced] = field(default_factory=list)
    chains: list[Paced] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Why it could not be measured."""

    @property
    def errors(self) -> int:
        """Requests that were not answered rightly, or for which there was no connection left."""
        return len(self.faults) + sum(one.errors for one in [*self.pages, *self.chains])

    def page(self, percent: float) -> float:
        """The latency that so many percent of the pages stayed within; the median of all rounds."""
        return statistics.median(one.percentile(percent) for one in self.pages)

    def added(self, percent: float) -> float:
        """What the page adds to its chain at this percentile."""
        return self.page(percent) - statistics.median(one.percentile(percent) for one in self.chains)


def measure_added(
    scenario: Scenario, candidates: Iterable[Candidate], world: World, effort: Effort, say: Say
) -> list[Added]:
    """Every candidate at half of its load, for several rounds in turn with the chain alone."""
    every = [Added(candidate=candidate) for candidate in candidates]
    for added in every:
        with ExitStack() as stack:
            try:
                running = start(stack, added.candidate, world, f"{scenario.name}-added")
            except (Missing, ChildFailed) as missing:
                added.faults.append(str(missing))
            else:
                _measure(added, running, scenario, world, effort)
        say(f"At half load: {summary_of(added)}")
    return every


def summary_of(added: Added) -> str:
    """What was measured, in a line."""
    if not added.pages:
        return f"{added.candidate.title}: {added.faults[-1]}"
    return (
        f"{added.candidate.title} adds {added.added(50):.2f} ms (p50), {added.added(99):.2f} ms (p99) "
        f"at {added.rate:,.0f} pages/s, {added.errors} errors"
    )


def _measure(added: Added, running: Running, scenario: Scenario, world: World, effort: Effort) -> None:
    if fault := fault_of(running.port, scenario.path, world.headers, scenario.expected):
        added.faults.append(fault)
        return
    added.rate = _half(running, scenario, world, effort)
    if not added.rate:
        added.faults.append("it answered nothing under full load")
        return
    for _ in range(effort.rounds):
        for port, path, results in (
            (world.shop, CHAIN, added.chains),
            (running.port, scenario.path, added.pages),
        ):
            results.append(paced(port, path, world.headers, rate=added.rate, seconds=effort.seconds))


def _half(running: Running, scenario: Scenario, world: World, effort: Effort) -> float:
    """Half of the pages a second that it can do."""
    url = f"http://127.0.0.1:{running.port}{scenario.path}"
    connections = min(scenario.connections, running.candidate.max_connections)
    full = load.Load(url=url, headers=world.headers, connections=connections)
    load.run(full, effort.warming)
    summary = load.run(full, effort.seconds)
    settled(world)
    return summary.requests / summary.microseconds * 1e6 / 2
