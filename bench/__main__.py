"""Measure: `python -m bench [--quick] [--only SCENARIO …] [--candidates NAME …]`."""

import argparse
import asyncio
import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console

from bench import bars, layers, load, versions
from bench.added import Added, measure_added
from bench.candidates import CANDIDATES, Candidate
from bench.chart import svg
from bench.measure import Effort, Measured, measure
from bench.processes import REST
from bench.report import markdown
from bench.scenarios import SCENARIOS, Scenario
from bench.world import ROOT, World, world

out = Console(soft_wrap=True, highlight=False)

RESULTS = Path(__file__).parent / "results"
WHOLE = Effort(rounds=3, seconds=4, warming=3)
QUICK = Effort(rounds=1, seconds=1, warming=1)

ADDED = "added"
"""The name on the command line of what a page adds to its slowest chain."""

SHOWN = (
    ("ours", "Frontispiece"),
    ("fastify", "Fastify + undici by hand"),
    ("fastapi", "FastAPI + httpx by hand"),
)
"""The candidates in the project's README."""

HALF_LOADED = ("ours", "apart", "fastify")
CEILING = 64
"""Connections by which the upstream alone is loaded."""


def main() -> None:
    """Run the command line."""
    names = [s.name for s in SCENARIOS]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round of everything")
    parser.add_argument("--only", nargs="+", choices=[*names, ADDED], help="these scenarios alone")
    parser.add_argument("--candidates", nargs="+", choices=[c.name for c in CANDIDATES], help="these alone")
    parser.add_argument("--write", action="store_true", help="write the results to bench/results/")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {REST})
    bench = Bench(QUICK if arguments.quick else WHOLE, arguments.candidates)
    if only := arguments.only:
        bench.run([s for s in SCENARIOS if s.name in only], added=ADDED in only)
    else:
        bench.run([s for s in SCENARIOS if s.brief or not arguments.quick], added=True)
    if arguments.write:
        bench.write()


class Bench:
    """Everything that is measured in one go.

    Args:
        effort: for each candidate in each scenario.
        names: of the candidates; None for all.
    """

    def __init__(self, effort: Effort, names: Sequence[str] | None) -> None:
        self._effort = effort
        self._names = names
        self._origin = bars.origin()
        self._ceiling = 0.0
        self._results: list[tuple[Scenario, list[Measured]]] = []
        self._added: list[Added] = []
        self._layers: dict[str, float] = {}

    def run(self, scenarios: Sequence[Scenario], *, added: bool) -> None:
        """Measure these scenarios, and what pages add to their slowest chain."""
        for delay, alike in groupby(scenarios, key=lambda s: s.delay):
            with world(delay) as around:
                self._ceiling = self._ceiling or _ceiling(around, self._effort)
                for scenario in alike:
                    candidates = self._among(scenario.candidates)
                    if candidates:
                        results = measure(scenario, candidates, around, self._effort, out.print)
                        self._results.append((scenario, results))
        slow = next(s for s in SCENARIOS if s.name == "three-slow")
        if added:
            with world(slow.delay) as around:
                self._added = measure_added(slow, self._among(HALF_LOADED), around, self._effort, out.print)
            self._layers = asyncio.run(layers.measured())
        out.print(bars.table(self._measured()))

    def _measured(self) -> bars.Run:
        return bars.Run(origin=self._origin, results=self._results, added=self._added, layers=self._layers)

    def write(self) -> None:
        """Write the table and the picture, the bars and rates on other pages, and a line of the history."""
        RESULTS.mkdir(exist_ok=True)
        table = markdown(
            self._results,
            self._added,
            effort=self._effort,
            origin=self._origin,
            machine=versions.machine(),
            ceiling=self._ceiling,
            versions=self._versions(),
        )
        (RESULTS / "results.md").write_text(table, encoding="utf-8")
        (RESULTS / "results.svg").write_text(svg(self._results), encoding="utf-8")
        run = self._measured()
        bars.record(run)
        bars.rewrite(Path(__file__).with_name("README.md"), "bars", bars.table(run))
        bars.rewrite(ROOT / "README.md", "rates", bars.rates(run, SHOWN))
        out.print(f"Written to {RESULTS}.")

    def _among(self, names: Sequence[str]) -> list[Candidate]:
        return [c for c in CANDIDATES if c.name in names and (self._names is None or c.name in self._names)]

    def _versions(self) -> list[str]:
        found = []
        for measured in [one for _, results in self._results for one in results if one.rounds]:
            version = measured.candidate.version()
            if version not in found:
                found.append(version)
        return found


def _ceiling(around: World, effort: Effort) -> float:
    """Requests a second that the upstream answers when it is asked directly."""
    url = f"http://127.0.0.1:{around.shop}/part/a"
    summary = load.run(load.Load(url=url, headers={}, connections=CEILING), effort.seconds)
    return summary.requests / summary.microseconds * 1e6


if __name__ == "__main__":
    main()
