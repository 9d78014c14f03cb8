"""What a load takes, on paper: from what `bench.scale` has measured, and from assumptions."""

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil
from typing import Final

import msgspec

GIB: Final = 2.0**30
MONTH, YEAR, WEEK = 2.63e6, 3.156e7, 604_800.0
"""Seconds."""

STORES: Final = ("nats", "valkey")
ORDER_REQUESTS: Final = 3
"""Requests of the client for an order: the basket, the checkout page, the order."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement; all but `rate` and `memory` is of one page or order.

    Args:
        axis: X, Y or Z.
        layout: what was measured.
        work: `page` or `order`.
        count: how many.
        rate: so many a second; orders until the last one had ended.
        cpu: seconds, by app.
        received: bytes that the client got.
        loopback: bytes between all processes and the client, with the heads of packets.
        stored: bytes of databases, by app.
        events: events and commands that were published.
        event_bytes: bytes that the broker keeps of them.
        memory: bytes of all processes; what they share is counted once.
        failures: what went wrong, and degraded pages.
        largest_shard: the share of orders in the shard that got most.
    """

    axis: str
    layout: str
    work: str
    count: int
    rate: float
    cpu: dict[str, float]
    received: float
    loopback: float
    stored: dict[str, float]
    events: float
    event_bytes: float
    memory: int
    failures: dict[str, int]
    largest_shard: float = 1.0

    @property
    def total(self) -> float:
        """Seconds of processor time, all together."""
        return sum(self.cpu.values())

    @property
    def edge(self) -> float:
        """Seconds of processor time of gateways and BFFs."""
        return self.of([app for app in self.cpu if app == "gateway" or app.startswith("bff-")])

    def of(self, apps: Collection[str]) -> float:
        """Seconds of processor time of these apps."""
        return sum(self.cpu.get(app, 0.0) for app in apps)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """All results of the bench.

    Args:
        machine: it ran on.
        runs: in the order of the tables.
        resident: bytes of a process of one app, on average.
        customer: bytes of a registered customer in identity's database.
    """

    machine: str
    runs: list[Run]
    resident: float
    customer: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Constants:
    """Seconds of processor time, and bytes: of a page, of an order, of a customer, of a process."""

    page_edge: float
    page_services: float
    page_bytes: float
    order_edge: float
    order_services: float
    order_ordering: float
    """Part of the services', and so is the next one."""
    order_sales: float
    order_broker: float
    order_events: float
    order_event_bytes: float
    ordering_bytes: float
    other_bytes: float
    customer_bytes: float
    process_bytes: float


def constants(measured: Measured) -> Constants:
    """The constants, by the layout with a process for every app."""
    apart = [run for run in measured.runs if run.axis in "XY" and "gateway" in run.cpu]
    page, order = (next(run for run in apart if run.work == work) for work in ("page", "order"))
    ordering = order.stored.get("ordering", 0.0)
    return Constants(
        page_edge=page.edge,
        page_services=page.total - page.edge - page.of(STORES),
        page_bytes=page.received,
        order_edge=order.edge,
        order_services=order.total - order.edge - order.of(STORES),
        order_ordering=order.of(["ordering"]),
        order_sales=order.of(["sales"]),
        order_broker=order.of(["nats"]),
        order_events=order.events,
        order_event_bytes=order.event_bytes,
        ordering_bytes=ordering,
        other_bytes=sum(order.stored.values()) - ordering,
        customer_bytes=measured.customer,
        process_bytes=measured.resident,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumptions:
    """What was not measured; `bench.scale_report.ASSUMED` says what each is."""

    orders_a_year: float = 6
    order_peak: float = 5
    request_peak: float = 3
    utilisation: float = 0.5
    years: float = 3
    database_cpu: float = 0.5
    database_copies: int = 2
    broker_copies: int = 3
    publishes: float = 700
    shard_bytes: int = 500_000_000_000
    active: float = 0.1
    session_bytes: float = 2048
    vcpu: float = 30
    gib: float = 4
    gigabyte: float = 0.12
    traffic: float = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What a load takes; rates are those of the peak, money is of a month."""

    orders: float
    edge: int
    """Processes, each with a core, of gateways and BFFs."""
    services: int
    """Processes of services, likewise."""
    ordering_shards: int
    sales_cores: float
    """That sales would have to fill, which is one process."""
    other_databases: int
    database_cores: int
    streams: int
    brokers: int
    """Servers, as many as three copies of each stream need."""
    valkey: float
    """Bytes of memory, with the copy."""
    disk: float
    """Bytes, with all copies."""
    traffic: float
    """Bytes to clients a month."""
    money: dict[str, float]

    @property
    def processes(self) -> int:
        """The number of processes: gateways, BFFs and services."""
        return self.edge + self.services

    @property
    def cost(self) -> float:
        """The cost of a month."""
        return sum(self.money.values())


def needs(requests: float, customers: float, of: Constants, given: Assumptions) -> Needs:
    """What so many requests a second, at the peak, and so many customers take."""
    orders_mean = customers * given.orders_a_year / YEAR
    orders = orders_mean * given.order_peak
    pages = max(0.0, requests - ORDER_REQUESTS * orders)

    def cores(seconds: float) -> int:
        return max(1, ceil(seconds / given.utilisation))

    edge = cores(pages * of.page_edge + orders * of.order_edge)
    services = cores(pages * of.page_services + orders * of.order_services)
    database_cores = ceil(services * given.database_cpu) * given.database_copies
    all_orders = customers * given.orders_a_year * given.years
    ordering = all_orders * of.ordering_bytes
    others = all_orders * of.other_bytes + customers * of.customer_bytes
    by_size = ceil(ordering / given.shard_bytes)
    streams = max(1, ceil(orders * of.order_events / given.publishes))
    brokers = max(given.broker_copies, streams * given.broker_copies)
    broker_cores = max(brokers, cores(orders * of.order_broker * given.broker_copies))
    valkey = 2 * customers * given.active * given.session_bytes
    events = orders_mean * WEEK * of.order_event_bytes
    disk = (ordering + others) * given.database_copies + events * given.broker_copies
    traffic = pages / given.request_peak * of.page_bytes * MONTH
    memory = (edge + services) * of.process_bytes + valkey
    return Needs(
        orders=orders,
        edge=edge,
        services=services,
        ordering_shards=max(1, by_size, ceil(orders * of.order_ordering / given.utilisation)),
        sales_cores=orders * of.order_sales,
        other_databases=max(1, ceil(others / given.shard_bytes)),
        database_cores=database_cores,
        streams=streams,
        brokers=brokers,
        valkey=valkey,
        disk=disk,
        traffic=traffic,
        money={
            "gateways and BFFs": edge * given.vcpu,
            "services": services * given.vcpu,
            "databases": database_cores * given.vcpu,
            "brokers": broker_cores * given.vcpu,
            "memory": memory / GIB * given.gib,
            "disks": disk / 1e9 * given.gigabyte,
            "traffic": traffic / 1e9 * given.traffic,
        },
    )
