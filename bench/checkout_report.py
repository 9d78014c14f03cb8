"""The results of `bench.checkout` as lines, a table and a picture."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.chart import Bar, bars
from bench.timing import percentile


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """What became of one load; times in seconds.

    Args:
        label: the number of customers, or what else the load was.
        rate: orders a second that were accepted.
        carried_out: orders a second until the last one had ended.
        cpu: seconds of processor time of an order: of the shop, its broker and its Valkey.
        accepted: until each 202.
        confirmed: from placed to confirmed, in the order in which they were placed.
        completed: from placed to completed.
        open_at_end: orders without an end when the last one was accepted.
        failures: of customers, and of orders.
    """

    label: str
    rate: float
    carried_out: float
    cpu: float
    accepted: Sequence[float]
    confirmed: Sequence[float]
    completed: Sequence[float]
    open_at_end: int
    failures: Sequence[str]

    @property
    def figures(self) -> list[str]:
        """The cells of a table; times in milliseconds."""
        times = [
            _ms(seconds, share)
            for seconds in (self.accepted, self.confirmed, self.completed)
            for share in (50, 99)
        ]
        return [
            f"{self.rate:,.1f}",
            f"{self.carried_out:,.1f}",
            f"{self.cpu * 1000:,.0f}",
            *times,
            f"{self.open_at_end}",
            self.drift,
            f"{len(self.failures)}",
        ]

    @property
    def drift(self) -> str:
        """The median time until confirmed of the first and of the last quarter of the orders."""
        quarter = len(self.confirmed) // 4
        first, last = self.confirmed[:quarter], self.confirmed[len(self.confirmed) - quarter :]
        return f"{_ms(first, 50)} → {_ms(last, 50)}"

    def __str__(self) -> str:
        rate, carried_out, cpu, *times, open_orders, drift, failures = self.figures
        kinds = Counter(self.failures).most_common(3)
        return (
            f"{self.label:>10}  {rate:>6} orders/s, carried out {carried_out}/s, CPU {cpu} ms  "
            f"202 p50 {times[0]} p99 {times[1]}  confirmed p50 {times[2]} p99 {times[3]}  "
            f"completed p50 {times[4]} p99 {times[5]}  "
            f"open {open_orders}  confirmed of quarters {drift}  failures {failures} {kinds or ''}"
        )


def _ms(seconds: Sequence[float], percent: int) -> str:
    return f"{percentile(seconds, percent) * 1000:,.0f}" if seconds else "-"


HEADINGS: Final = (
    "customers",
    "orders/s",
    "carried out/s",
    "CPU",
    "202 p50",
    "202 p99",
    "confirmed p50",
    "confirmed p99",
    "completed p50",
    "completed p99",
    "open at the end",
    "confirmed, first → last quarter",
    "failures",
)


ABOUT: Final = """\
`python -m bench.checkout`: customers who fill a basket with one article, ask for the checkout page and
order it, one after the other without a pause, through gateway and BFF. *Carried out* counts until the last
order has ended; *CPU* is the processor time of an order: of the shop, its broker and its Valkey. *202* is
how long the order's response took; *confirmed* and *completed* count from `placed`, by the times in
ordering's log; all in ms. *Open at the end* are orders that had reached no end when the last one was
accepted; *first → last quarter* are medians of the orders placed first and last. *Failures* are mostly
refusals: the gateway sheds load. At half load orders arrive at random, at half of the rate at which those of
16 customers were carried out. The shop ({layout}), its broker, its databases and the customers share the
machine."""


def markdown(results: Mapping[str, Sequence[Level]], machine: str, layout: str) -> str:
    """The page with the tables."""
    parts = ["# The checkout", ABOUT.format(layout=layout), machine, "![Orders a second](checkout.svg)"]
    for database, levels in results.items():
        rows = [" | ".join((each.label, *each.figures)) for each in levels]
        table = "\n".join(
            f"| {row} |"
            for row in (" | ".join(HEADINGS), "|".join(["---", *["--:"] * (len(HEADINGS) - 1)]), *rows)
        )
        parts += [f"## {TITLES[database]}", table]
    return "\n\n".join(parts) + "\n"


TITLES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def svg(results: Mapping[str, Sequence[Level]]) -> str:
    """Orders a second as bars."""
    highest = max((each.rate for levels in results.values() for each in levels), default=1.0)
    groups = {
        TITLES[database]: [_row(each, highest) for each in levels] for database, levels in results.items()
    }
    return bars(groups, "Orders a second by customers", names=150, figures=250)


def _row(each: Level, highest: float) -> Bar:
    name = each.label if not each.label.isdigit() else f"{each.label} customers"
    figures = f"{each.rate:,.1f}/s, 202 p99 {_ms(each.accepted, 99)} ms"
    return Bar(name, each.rate / highest, figures)
