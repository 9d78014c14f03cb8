"""How long things take: percentiles, and rounds in turn of what is small."""

import platform
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

ROUNDS: Final = 15
ROUND: Final = 0.02
"""Seconds of a round, about."""

Times = Callable[[int], Awaitable[None]]
"""Does something that many times."""


async def measured(cases: Mapping[str, Times], clock: Callable[[], float] = perf_counter) -> dict[str, float]:
    """Microseconds of each case, by its title: the median of its rounds."""
    counts = {title: await _count(times, clock) for title, times in cases.items()}
    rounds: dict[str, list[float]] = {title: [] for title in cases}
    for _ in range(ROUNDS):
        for title, times in cases.items():
            rounds[title].append(await _seconds(times, counts[title], clock) / counts[title] * 1e6)
    return {title: median(spent) for title, spent in rounds.items()}


async def _count(times: Times, clock: Callable[[], float]) -> int:
    """How often a case can be done in a round."""
    count = 1
    while (spent := await _seconds(times, count, clock)) < ROUND / 4:
        count *= 2
    return max(1, round(count * ROUND / spent))


async def _seconds(times: Times, count: int, clock: Callable[[], float]) -> float:
    start = clock()
    await times(count)
    return clock() - start


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def parsed_write(about: str) -> bool:
    """Whether `--write` is on the command line of the program that this docstring is about."""
    parser = ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="store the table in bench/results/, too")
    return bool(parser.parse_args().write)


def show(name: str, title: str, table: str, *, write: bool) -> None:
    """Print the table of `bench.NAME`, or store it in `results/`, too."""
    print(table)  # noqa: T201 (a program for the terminal)
    if write:
        about = f"CPython {platform.python_version()}, {ROUNDS} rounds; `python -m bench.{name} --write`."
        page = Path(__file__).parent / "results" / f"{name}.md"
        page.write_text(f"# {title}\n\n{about}\n\n{table}\n", encoding="utf-8")
