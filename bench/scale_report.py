"""The pages and charts of `bench.scale`, made of what is stored and of `bench.scale_model`."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Final

import msgspec

from bench import chart
from bench.bars import rewrite
from bench.chart import Bar, Curve
from bench.scale_model import GIB, Assumptions, Constants, Measured, Needs, Run, constants, needs
from bench.world import ROOT

RESULTS: Final = ROOT / "bench" / "results"
STORED: Final = RESULTS / "scale.json"
PAGE: Final = ROOT / "docs" / "scale.md"

CUSTOMERS: Final = 1000
"""Customers for each request a second at the peak: 10^8 for 10^5."""

LOADS: Final = (1e3, 1e4, 1e5)


def report() -> None:
    """Write all pages and charts."""
    results = msgspec.json.decode(STORED.read_bytes(), type=Measured)
    (RESULTS / "scale.md").write_text(markdown(results), encoding="utf-8")
    (RESULTS / "scale.svg").write_text(svg(results.runs), encoding="utf-8")
    rewrite(PAGE, "scale", on_paper(results))
    PAGE.with_suffix(".svg").write_text(curves(constants(results)), encoding="utf-8")


# What was measured

Column = tuple[str, Callable[[Run], str]]

COMMON: Final[Sequence[Column]] = (
    ("a second", lambda run: f"{run.rate:,.1f}"),
    ("CPU, ms", lambda run: f"{run.total * 1e3:.1f}"),
    ("over loopback, KiB", lambda run: f"{run.loopback / 1024:.1f}"),
    ("memory, MiB", lambda run: f"{run.memory / 2**20:,.0f}"),
    ("how many", lambda run: f"{run.count:,}"),
    ("failures", lambda run: ", ".join(f"{n} {name}" for name, n in run.failures.items()) or "0"),
)

COLUMNS: Final[Mapping[str, Sequence[Column]]] = {
    "X": (
        ("pages of", lambda run: run.layout),
        ("catalog's CPU, ms", lambda run: f"{run.of(['catalog']) * 1e3:.1f}"),
        ("gateways and BFFs, ms", lambda run: f"{run.edge * 1e3:.1f}"),
        ("to the client, KiB", lambda run: f"{run.received / 1024:.1f}"),
    ),
    "Y": (("layout", lambda run: run.layout), ("one", lambda run: run.work)),
    "Z": (
        ("orders over shards", lambda run: run.layout),
        ("ordering's CPU, ms", lambda run: f"{run.of(['ordering']) * 1e3:.1f}"),
        ("ordering's disk, KiB", lambda run: f"{run.stored.get('ordering', 0) / 1024:.1f}"),
        ("largest shard", lambda run: f"{run.largest_shard:.0%}"),
    ),
}

TITLES: Final = {
    "X": "X: copies of catalog and of the gateway",
    "Y": "Y: a process for every app, or one for all",
    "Z": "Z: shards of ordering",
}


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table; the first row is its head, all columns but the first are figures."""
    head, *rest = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join((head, f"|---|{'--:|' * (len(rows[0]) - 1)}", *rest)) + "\n"


def markdown(results: Measured) -> str:
    """The page of what was measured."""
    parts = [ABOUT.format(machine=results.machine)]
    for axis, columns in COLUMNS.items():
        every = [*columns, *COMMON]
        rows = [[of(run) for _, of in every] for run in results.runs if run.axis == axis]
        parts.append(f"## {TITLES[axis]}\n\n{table([[name for name, _ in every], *rows])}")
    shown = [run for run in results.runs if run.axis in "XY" and "gateway" in run.cpu]
    page, order = (next(run for run in shown if run.work == work) for work in ("page", "order"))
    names = sorted(page.cpu, key=lambda app: -order.cpu[app])
    rows = [[app, *(f"{run.cpu[app] * 1e3:.2f}" for run in (page, order))] for app in names]
    parts.append(f"## CPU by app, ms\n\n{table([['app', 'a page', 'an order'], *rows])}")
    return "\n".join(parts)


def svg(runs: Sequence[Run]) -> str:
    """CPU of a page or an order in each layout, as bars."""
    highest = {work: max(run.total for run in runs if run.work == work) for work in ("page", "order")}
    groups = {
        f"{axis}: CPU of one {work}": [
            Bar(
                f"shards: {run.layout}" if axis == "Z" else run.layout,
                run.total / highest[work],
                f"{run.total * 1e3:.1f} ms, {run.rate:,.0f}/s",
            )
            for run in group
        ]
        for (axis, work), group in groupby(runs, key=lambda run: (run.axis, run.work))
    }
    return chart.bars(groups, "Processor time of a page and of an order by layout", names=230, figures=150)


# What it takes, on paper

CONSTANTS: Final[Sequence[tuple[str, Callable[[Constants], str]]]] = (
    ("CPU of a page: gateways and BFFs", lambda c: f"{c.page_edge * 1e3:.2f} ms"),
    ("CPU of a page: services", lambda c: f"{c.page_services * 1e3:.2f} ms"),
    ("a page to the client", lambda c: f"{c.page_bytes / 1024:.1f} KiB"),
    ("CPU of an order: gateways and BFFs", lambda c: f"{c.order_edge * 1e3:.1f} ms"),
    ("CPU of an order: services", lambda c: f"{c.order_services * 1e3:.1f} ms"),
    ("of it ordering", lambda c: f"{c.order_ordering * 1e3:.1f} ms"),
    ("of it sales", lambda c: f"{c.order_sales * 1e3:.1f} ms"),
    ("CPU of an order: broker", lambda c: f"{c.order_broker * 1e3:.1f} ms"),
    ("events and commands of an order", lambda c: f"{c.order_events:.1f}"),
    ("an order in the broker", lambda c: f"{c.order_event_bytes / 1024:.1f} KiB"),
    ("an order in ordering's databases", lambda c: f"{c.ordering_bytes / 1024:.1f} KiB"),
    ("an order in all other databases", lambda c: f"{c.other_bytes / 1024:.1f} KiB"),
    ("a customer in identity's database", lambda c: f"{c.customer_bytes:,.0f} bytes"),
    ("memory of a process", lambda c: f"{c.process_bytes / 2**20:,.0f} MiB"),
)

ASSUMED: Final = {
    "orders_a_year": "orders of a customer a year",
    "order_peak": "orders at the peak, in multiples of the mean",
    "request_peak": "requests at the peak, likewise",
    "utilisation": "of a core at the peak; the rest is for what fails, deploys and varies",
    "years": "years that orders stay",
    "database_cpu": "CPU of a database server, in multiples of its services'",
    "database_copies": "copies of a database: the primary and a replica",
    "broker_copies": "copies of a stream of events",
    "publishes": "events a second that a stream acknowledges once they are on disks",
    "shard_bytes": "bytes of a database at most, so that it is restored within hours",
    "active": "share of customers with a session or a basket",
    "session_bytes": "bytes of each in Valkey, which has a copy",
    "vcpu": "$ of a core a month",
    "gib": "$ of a GiB of memory a month",
    "gigabyte": "$ of a GB of disk a month",
    "traffic": "$ of a GB to clients",
}

NEEDS: Final[Sequence[tuple[str, Callable[[Needs], str]]]] = (
    ("orders a second", lambda n: f"{n.orders:,.1f}"),
    ("processes of gateways and BFFs", lambda n: f"{n.edge:,}"),
    ("processes of services", lambda n: f"{n.services:,}"),
    ("shards of ordering", lambda n: f"{n.ordering_shards:,}"),
    ("cores that sales fills, if one process could", lambda n: f"{n.sales_cores:,.2f}"),
    ("databases of the other services, by size", lambda n: f"{n.other_databases:,}"),
    ("cores of database servers, with replicas", lambda n: f"{n.database_cores:,}"),
    ("streams of events", lambda n: f"{n.streams:,}"),
    ("brokers", lambda n: f"{n.brokers:,}"),
    ("Valkey, GiB with copy", lambda n: f"{n.valkey / GIB:,.1f}"),
    ("disk, TB with copies", lambda n: f"{n.disk / 1e12:,.2f}"),
    ("to clients, TB a month", lambda n: f"{n.traffic / 1e12:,.1f}"),
)


def on_paper(results: Measured) -> str:
    """The constants, the assumptions, and what three loads take."""
    of, given = constants(results), Assumptions()
    loads = [needs(rate, rate * CUSTOMERS, of, given) for rate in LOADS]
    heads = [f"{rate:,.0f}/s, {rate * CUSTOMERS:,.0f} customers" for rate in LOADS]
    rows = [["at the peak", *heads], *([name, *map(say, loads)] for name, say in NEEDS)]
    money = [[f"{name}, $", *(f"{load.money[name]:,.0f}" for load in loads)] for name in loads[0].money]
    total = ["**all, $ a month**", *(f"**{load.cost:,.0f}**" for load in loads)]
    assumed = [[f"{name} (`{key}`)", f"{getattr(given, key):,}"] for key, name in ASSUMED.items()]
    return "\n".join(
        (
            f"{results.machine}.\n",
            table([["measured", ""], *([name, say(of)] for name, say in CONSTANTS)]),
            table([["assumed", ""], *assumed]),
            table([*rows, *money, total]),
        )
    )


CURVES: Final[Sequence[tuple[str, str, Callable[[Needs], float]]]] = (
    ("$ a month", "ours", lambda n: n.cost),
    ("processes", "other", lambda n: n.processes),
    ("shards of ordering", "reads", lambda n: n.ordering_shards),
    ("brokers", "other dashed", lambda n: n.brokers),
)

POWERS, HIGHEST = range(2, 7), 8
"""Powers of ten: of the requests a second, and the end of the scale."""


def curves(of: Constants) -> str:
    """What it takes over requests a second, both by powers of ten."""

    def x_of(power: float) -> float:
        return (power - POWERS[0]) / (POWERS[-1] - POWERS[0])

    loads = [power / 4 for power in range(4 * POWERS[0], 4 * POWERS[-1] + 1)]
    taken = [needs(10**power, 10**power * CUSTOMERS, of, Assumptions()) for power in loads]
    return chart.curves(
        [
            Curve(
                title, style, [(x_of(power), value(each)) for power, each in zip(loads, taken, strict=True)]
            )
            for title, style, value in CURVES
        ],
        {x_of(power): _short(power) for power in POWERS},
        {10.0**power: _short(power) for power in range(HIGHEST + 1)},
        "What it takes by requests a second",
        f"requests a second at the peak, with {CUSTOMERS:,} customers for each",
        marks={"x": x_of(5)},
    )


def _short(power: int) -> str:
    return f"{10 ** (power % 3)}{('', ' k', ' M')[power // 3]}"


ABOUT: Final = """\
# The scale cube

`python -m bench.scale`: clients get product pages and searches over 8 connections, and 8 customers
order, all without a pause, of the shop in SQLite files, in a network of its own. *CPU* is the processor
time of one page or one order: of the shop, its broker and its Valkey, not of the clients. *Over
loopback* are bytes between all of them, with the heads of TCP and IP; Unix sockets (Valkey, discount's
gRPC) are not counted. *Memory* counts once what processes share. An order is the basket, the checkout
page, the order itself, and all that follows until it has ended. The clients share the cores with the
shop. What it means: [the scale cube](../../docs/scale.md).

{machine}

![Processor time by layout](scale.svg)
"""
