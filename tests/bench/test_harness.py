from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import routes
from bench.added import Added
from bench.bars import Origin
from bench.chart import svg
from bench.load import Summary, summary
from bench.measure import Effort, rated
from bench.pace import Paced
from bench.report import markdown, ratio
from bench.scenarios import SCENARIOS
from frontispiece.gateway.config.table import parse
from tests.bench.conftest import MakeMeasured

EFFORT = Effort(rounds=3, seconds=4, warming=1)
ORIGIN = Origin("2026-11-29", "3b75c05")
THREE = next(s for s in SCENARIOS if s.name == "three")

REPORT = (
    '{"requests": 1000, "microseconds": 2000000, "bytes": 600000, "p50": 1500, "p99": 9250, '
    '"sockets": 1, "statuses": 2, "timeouts": 3}'
)


def test_what_wrk_reports_is_read_behind_all_else_that_it_prints() -> None:
    printed = f"Running 2s test\n  Latency  1ms\nRequests/sec: 500\n\n{REPORT}\n"

    assert summary(printed) == Summary(
        requests=1000,
        microseconds=2_000_000,
        bytes=600_000,
        p50=1500,
        p99=9250,
        sockets=1,
        statuses=2,
        timeouts=3,
    )


@pytest.mark.parametrize("printed", ["", "unable to connect", '{"requests": 1}'])
def test_wrk_without_a_report_is_an_error_that_quotes_it(printed: str) -> None:
    with pytest.raises(ValueError, match="wrk printed no report"):
        summary(printed)


def test_a_run_comes_to_a_rate_milliseconds_and_microseconds_of_processor_time() -> None:
    round_ = rated(summary(REPORT), used=1.0, length=500)

    assert (round_.rate, round_.p50, round_.p99) == (500.0, 1.5, 9.25)
    assert (round_.cpu, round_.busy) == (1000.0, 0.5)


def test_the_ratio_to_the_gateway_is_of_medians(measured: MakeMeasured) -> None:
    ours, caddy = measured("ours", 100, 4000, 2000), measured("caddy", 900, 1000, 90_000)

    assert ratio(caddy, ours) == 0.5


def test_the_table_has_a_row_for_each_candidate(measured: MakeMeasured) -> None:
    results = [
        measured("ours", 4000),
        measured("fastify", 2000, 2100, 1900),
        measured("fastapi", 100, busy=0.5, fault="500: b'|'"),
        measured("caddy", fault="first line\ncaddy is missing: make .bench/installed"),
    ]

    page = markdown(
        [(THREE, results)],
        [],
        effort=EFFORT,
        origin=ORIGIN,
        machine="2 cores",
        ceiling=60_000,
        versions=["Fastify 5"],
    )

    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    assert rows == [
        "| Frontispiece, BFF mounted | 4,000 | 1.00 | 100% | 250 | 1.5 | 9.2 | 0 | 0 |",
        "| Fastify + undici by hand | 2,000 | 0.50 | 100% | 500 | 1.5 | 9.2 | 0 | 0 |",
        "| FastAPI + httpx by hand | 100+ | 0.03 | 50% | 10,000 | 1.5 | 9.2 | 0 | 1 |",
        "| Caddy | not measured: caddy is missing: make .bench/installed | | | | | | | |",
    ]
    assert "## Page of 3 independent sources" in page
    assert "60,000 requests a second" in page
    assert "Measured on 2026-11-29 at commit 3b75c05." in page
    assert "- Fastify 5" in page


def test_what_a_page_adds_is_the_difference_to_its_chain(measured: MakeMeasured) -> None:
    added = Added(
        candidate=measured("ours").candidate,
        rate=2000,
        chains=[Paced(latencies=[0.020] * 99 + [0.022]), Paced(latencies=[0.020] * 100, errors=1)],
        pages=[Paced(latencies=[0.021] * 98 + [0.026] * 2), Paced(latencies=[0.021] * 100, errors=2)],
    )

    page = markdown([], [added], effort=EFFORT, origin=ORIGIN, machine="-", ceiling=1, versions=[])

    assert "| Frontispiece, BFF mounted | 2,000 | 1.00 | 2.50 | 21.00 | 23.50 | 3 |" in page


def test_the_picture_is_well_formed_and_names_every_candidate(measured: MakeMeasured) -> None:
    results = [measured("ours", 4000), measured("caddy", fault="missing"), measured("fastapi", 10)]

    picture = ET.fromstring(svg([(THREE, results)]))  # noqa: S314 (made here)

    texts = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Frontispiece, BFF mounted", "Caddy", "FastAPI + httpx by hand"} <= set(texts)
    assert "not measured" in texts
    bars = list(picture.iter("{http://www.w3.org/2000/svg}rect"))
    assert [bar.get("class") for bar in bars] == ["ours", "other"]


def test_route_tables_of_both_sizes_can_serve(tmp_path: Path) -> None:
    source = tmp_path / "templates.txt"
    source.write_text("\n".join(f"/things/{{id}}/kind-{number}" for number in range(routes.MANY)))

    few, many = routes.templates(routes.FEW, source), routes.templates(routes.MANY, source)

    assert set(few) < set(many)
    assert len(parse(routes.table(few)).routes) == routes.FEW
    assert len(parse(routes.table(many)).routes) == routes.MANY
