from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from bench.scale_model import MONTH, YEAR, Assumptions, Constants, Measured, constants, needs
from bench.scale_report import PAGE, RESULTS, STORED, curves, markdown, on_paper, svg

CONSTANTS = Constants(
    page_edge=0.001,
    page_services=0.004,
    page_bytes=1000,
    order_edge=0.01,
    order_services=0.1,
    order_ordering=0.02,
    order_sales=0.02,
    order_broker=0.001,
    order_events=10,
    order_event_bytes=100,
    ordering_bytes=1000,
    other_bytes=500,
    customer_bytes=200,
    process_bytes=2.0**30,
)
CUSTOMERS = YEAR * 10  # one order a year of each: ten a second on average
GIVEN = Assumptions(orders_a_year=1, order_peak=10, request_peak=2, utilisation=0.5, years=1, publishes=400)


def test_a_load_takes_rate_times_cost_over_utilisation() -> None:
    load = needs(1300, CUSTOMERS, CONSTANTS, GIVEN)

    assert load.orders == pytest.approx(100)
    assert load.edge == 4  # 1,000 pages · 1 ms + 100 orders · 10 ms, halved cores
    assert load.services == 28
    assert load.sales_cores == pytest.approx(2)  # more than its one process
    assert load.database_cores == 28  # half of that, twice
    assert (load.streams, load.brokers) == (3, 9)  # 1,000 events a second
    assert load.traffic == pytest.approx(500 * 1000 * MONTH)
    assert load.money["services"] == 28 * GIVEN.vcpu
    assert load.cost == pytest.approx(sum(load.money.values()))


def test_shards_follow_the_larger_of_size_and_processor_time() -> None:
    by_time = needs(1300, CUSTOMERS, CONSTANTS, GIVEN)
    by_size = needs(1300, CUSTOMERS, replace(CONSTANTS, ordering_bytes=16_000), GIVEN)

    assert by_time.ordering_shards == 4  # 100 orders · 20 ms, of half a core each
    assert by_size.ordering_shards == 11  # 5 TB of 500 GB each


def test_a_load_of_orders_alone_has_no_pages() -> None:
    assert needs(10, CUSTOMERS, CONSTANTS, GIVEN).traffic == 0


def test_the_pages_and_charts_are_those_of_the_stored_results() -> None:
    results = msgspec.json.decode(STORED.read_bytes(), type=Measured)

    assert (RESULTS / "scale.md").read_text() == markdown(results)
    assert on_paper(results) in PAGE.read_text()
    for picture, made in (
        (RESULTS / "scale.svg", svg(results.runs)),
        (Path("docs/scale.svg"), curves(constants(results))),
    ):
        assert picture.read_text() == made
        ET.fromstring(made)  # noqa: S314 (made here)
