"""The results as Markdown."""

from collections.abc import Iterable, Sequence

from bench.added import Added
from bench.bars import Origin
from bench.measure import Effort, Measured
from bench.scenarios import Scenario

FULL = 0.9
"""The share of a core below which a candidate could have carried more load."""

HEAD = """# Measured side by side

Written by `make bench`; the method is in [bench/README.md](../README.md). Every candidate had one worker on
one core, the upstream and the load the other one. Rates are medians of {rounds} rounds of {seconds} s in
turn, latencies those under full load. *to ours* is a candidate's rate for each of ours (or of the first in
the table). *core* is how much of its core the candidate used: below {full:.0%}, marked +, the load was the
limit and it could do more. *calls* are upstream calls for each request, as the upstream counted them.

{origin} Machine: {machine}. The upstream alone answered {ceiling:,.0f} requests a second.

{versions}
"""


def markdown(
    results: Sequence[tuple[Scenario, Sequence[Measured]]],
    added: Sequence[Added],
    *,
    effort: Effort,
    origin: Origin,
    machine: str,
    ceiling: float,
    versions: Iterable[str],
) -> str:
    """The whole page."""
    head = HEAD.format(
        rounds=effort.rounds,
        seconds=effort.seconds,
        full=FULL,
        machine=machine,
        ceiling=ceiling,
        origin=origin,
        versions="\n".join(f"- {version}" for version in versions),
    )
    parts = [head, *(_table(scenario, measured) for scenario, measured in results)]
    return "\n".join([*parts, _added(added)] if added else parts)


def ratio(measured: Measured, reference: Measured) -> float | None:
    """A candidate's rate divided by the reference's; None where one of them was not measured."""
    if not (measured.rounds and reference.rounds and reference.median("rate")):
        return None
    return measured.median("rate") / reference.median("rate")


def _table(scenario: Scenario, measured: Sequence[Measured]) -> str:
    lines = [
        f"## {scenario.title}\n",
        "| candidate | requests/s | to ours | core | µs of core each | p50 ms | p99 ms | calls | errors |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(_row(one, measured[0]) for one in measured),
    ]
    return "\n".join(lines) + "\n"


def _row(one: Measured, reference: Measured) -> str:
    if not one.rounds:
        return f"| {one.candidate.title} | not measured: {_line(one.faults[0])} | | | | | | | |"
    relative = ratio(one, reference)
    busy = one.median("busy")
    cells = [
        one.candidate.title,
        f"{one.median('rate'):,.0f}{'+' if busy < FULL else ''}",
        f"{relative:.2f}" if relative is not None else "",
        f"{busy:.0%}",
        f"{one.median('cpu'):,.0f}",
        f"{one.median('p50'):,.1f}",
        f"{one.median('p99'):,.1f}",
        str(one.calls),
        str(one.errors),
    ]
    return f"| {' | '.join(cells)} |"


def _added(added: Sequence[Added]) -> str:
    lines = [
        "## What a page of 3 sources adds to its slowest chain, at half load\n",
        "Milliseconds beyond a single upstream call of 20 ms, asked for at the same rate.\n",
        "| candidate | pages/s | added p50 | added p99 | page p50 | page p99 | errors |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *(_added_row(one) for one in added),
    ]
    return "\n".join(lines) + "\n"


def _added_row(one: Added) -> str:
    if not one.pages:
        return f"| {one.candidate.title} | not measured: {_line(one.faults[0])} | | | | | |"
    return (
        f"| {one.candidate.title} | {one.rate:,.0f} | {one.added(50):.2f} | {one.added(99):.2f} "
        f"| {one.page(50):.2f} | {one.page(99):.2f} | {one.errors} |"
    )


def _line(fault: str) -> str:
    """What fits a cell of a table."""
    return fault.strip().splitlines()[-1].replace("|", "\\|")[:200]
