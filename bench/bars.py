"""The bars that a run is measured by, and its line in `history.csv`.

`python -m bench.bars` compares the last two lines of the history, and fails when a figure got worse by more
than a tenth.
"""

import csv
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from bench.added import Added
from bench.candidates import CANDIDATES
from bench.measure import Measured
from bench.scenarios import SCENARIOS, Scenario
from bench.world import ROOT

HISTORY: Final = Path(__file__).with_name("history.csv")
TOLERANCE: Final = 0.10
"""How much worse a figure may be than in the line before."""

Results = Sequence[tuple[Scenario, Sequence[Measured]]]
Figure = Callable[["Run"], float | None]


class Origin(NamedTuple):
    """The date of a run and the commit that it measured, which is empty outside of a clone."""

    date: str
    commit: str

    def __str__(self) -> str:
        return f"Measured on {self.date}{self.commit and f' at commit {self.commit}'}."


def origin() -> Origin:
    """The origin of a run that begins now."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 (git, from PATH)
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return Origin(datetime.now(UTC).date().isoformat(), commit)


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What one run measured.

    Args:
        origin: what it measured, and when.
        results: every scenario with its candidates.
        added: what pages add to their slowest chain.
        layers: microseconds of a call through a route's chain, by case (`bench.layers`).
    """

    origin: Origin
    results: Results
    added: Sequence[Added]
    layers: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A figure and what it should be.

    Args:
        name: the column in the history.
        title: in tables.
        bound: it should be at least this, or at most.
        at_most: which of the two.
        of: works the figure out; None where it was not measured.
    """

    name: str
    title: str
    bound: float
    of: Figure
    at_most: bool = False

    def is_reached(self, figure: float) -> bool:
        """Whether the figure is as it should be."""
        return figure <= self.bound if self.at_most else figure >= self.bound

    def is_worse(self, before: float, after: float) -> bool:
        """Whether the figure got worse by more than the tolerance."""
        if self.at_most:
            return after > before + TOLERANCE * max(abs(before), abs(self.bound))
        return after < before * (1 - TOLERANCE)


def _rate(scenario: str, candidate: str, rival: str) -> Figure:
    """A candidate's rate divided by a rival's: the median over rounds, which were in turn."""

    def figure(run: Run) -> float | None:
        named = {
            (of.name, measured.candidate.name): measured.rounds
            for of, every in run.results
            for measured in every
        }
        rounds, others = named.get((scenario, candidate)), named.get((scenario, rival))
        if not rounds or not others:
            return None
        return median(one.rate / other.rate for one, other in zip(rounds, others, strict=False) if other.rate)

    return figure


def _added(percent: float) -> Figure:
    def figure(run: Run) -> float | None:
        found = [one for one in run.added if one.candidate.name == "ours" and one.pages]
        return found[0].added(percent) if found else None

    return figure


def _layer(case: str) -> Figure:
    """What a case of `bench.layers` costs beyond a route that asks for nothing, in microseconds."""

    def figure(run: Run) -> float | None:
        plain = run.layers.get("a route that asks for nothing")
        return run.layers[case] - plain if plain is not None and case in run.layers else None

    return figure


def _beside(name: str, bound: float, scenario: str, rival: str, candidate: str = "ours") -> Bar:
    """A bar for the rate of one of ours in a scenario, divided by a rival's."""
    titles = {each.name: each.title for each in SCENARIOS}
    rivals = {each.name: each.title for each in CANDIDATES}
    where = "" if candidate == "ours" else f", {rivals[candidate].rpartition(', ')[2]}"
    return Bar(
        name=name,
        title=f"{titles[scenario]}{where} ÷ {rivals[rival]}",
        bound=bound,
        of=_rate(scenario, candidate, rival),
    )


BARS: Final = (
    _beside("three", 1.25, "three", "fastify"),
    _beside("levels", 1.1, "levels", "fastify"),
    _beside("list", 5, "list", "fastify"),
    _beside("apart", 0.9, "three", "fastify", "apart"),
    _beside("small_caddy", 1, "small", "caddy"),
    _beside("small_traefik", 1, "small", "traefik"),
    _beside("small_envoy", 0.85, "small", "envoy"),
    _beside("big_caddy", 1, "big", "caddy"),
    Bar(name="added_p50", title="Added latency, p50, ms", bound=0.6, of=_added(50), at_most=True),
    Bar(name="added_p99", title="Added latency, p99, ms", bound=3, of=_added(99), at_most=True),
    Bar(
        name="routes",
        title="Cost with 608 routes ÷ with 36",
        bound=1.05,
        of=_rate("routes", "few", "many"),
        at_most=True,
    ),
    Bar(
        name="traced",
        title="A sampled trace, µs",
        bound=15,
        of=_layer("traces, of a call that is"),
        at_most=True,
    ),
    Bar(
        name="untraced",
        title="A trace that is not sampled, µs",
        bound=1,
        of=_layer("traces, of a call that is not sampled"),
        at_most=True,
    ),
)


def table(run: Run) -> str:
    """The bars and what became of them, as a table under its date and commit."""
    lines = [f"{run.origin}\n", "| bar | should be | measured | |", "|---|--:|--:|---|"]
    for bar in BARS:
        bound = f"{'≤' if bar.at_most else '≥'} {bar.bound:g}"
        figure = bar.of(run)
        if figure is None:
            lines.append(f"| {bar.title} | {bound} | | not measured |")
            continue
        outcome = "reached" if bar.is_reached(figure) else f"missed by {_miss(bar, figure)}"
        lines.append(f"| {bar.title} | {bound} | {figure:.2f} | {outcome} |")
    return "\n".join(lines) + "\n"


def _miss(bar: Bar, figure: float) -> str:
    return f"{abs(figure - bar.bound) / bar.bound:.0%}"


def record(run: Run, history: Path = HISTORY) -> None:
    """Add a line to the history: date, commit and a column for each bar, empty where it was not measured."""
    figures = [bar.of(run) for bar in BARS]
    new = not history.exists()
    with history.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(["date", "commit", *(bar.name for bar in BARS)])
        writer.writerow([*run.origin, *("" if each is None else f"{each:.3f}" for each in figures)])


def regressions(history: Path = HISTORY) -> list[str]:
    """What got worse by more than the tolerance from the last line but one to the last."""
    with history.open(encoding="utf-8", newline="") as file:
        *_, last = pairwise([{}, *csv.DictReader(file)])
    before, after = last
    found = []
    for bar in BARS:
        old, new = before.get(bar.name), after.get(bar.name)
        if old and new and bar.is_worse(float(old), float(new)):
            found.append(f"{bar.title}: {old} in {before['commit']}, {new} in {after['commit']}")
    return found


def rewrite(page: Path, mark: str, content: str) -> None:
    """Replace what stands on a page between `<!-- bench:MARK -->` and `<!-- bench:end -->`.

    Raises:
        ValueError: the page has no such marks.
    """
    text = page.read_text(encoding="utf-8")
    begin, end = f"<!-- bench:{mark} -->\n", "<!-- bench:end -->"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page} has no {begin.strip()} … {end}")
    page.write_text(f"{head}{begin}{content}{end}{tail}", encoding="utf-8")


def rates(run: Run, candidates: Sequence[tuple[str, str]]) -> str:
    """Requests a second by scenario, for candidates by name and title; as `table`."""
    titles = " | ".join(title for _, title in candidates)
    lines = [f"{run.origin}\n", f"| | {titles} |", f"|---|{'--:|' * len(candidates)}"]
    for scenario, every in run.results:
        named = {one.candidate.name: one for one in every if one.rounds}
        if not all(name in named for name, _ in candidates):
            continue
        cells = [f"{named[name].median('rate'):,.0f}" for name, _ in candidates]
        lines.append(f"| {scenario.title[0].lower()}{scenario.title[1:]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for line in (found := regressions()):
        print(line)  # noqa: T201 (a command line)
    sys.exit(bool(found))
