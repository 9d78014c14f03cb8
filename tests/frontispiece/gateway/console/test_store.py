"""A store has the latest traces and logs, within its bounds, and finds them by what they are."""

import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from frontispiece.gateway.console.telemetry import queries
from frontispiece.gateway.console.telemetry.records import LogRecord, SpanRecord
from frontispiece.gateway.console.telemetry.store import Bounds, TelemetryStore

SECOND: Final = 10**9
PAGE: Final = {"frontispiece.page": "/page", "http.request.method": "GET"}

ids: Final[Iterator[int]] = count(1)


def span_of(trace: int, *, began: float = 1.0, ms: int = 10, **given: Any) -> SpanRecord:
    fields: dict[str, Any] = {
        "trace_id": f"{trace:032x}",
        "span_id": f"{next(ids):016x}",
        "parent_id": "",
        "service": "gateway",
        "name": "GET /things",
        "kind": "server",
        "began": int(began * SECOND),
        "ended": int(began * SECOND) + ms * 10**6,
        "status": "",
        "attributes": {"http.response.status_code": 200, "http.route": "/things"},
    } | given
    return SpanRecord(**fields)


def log_of(text: str, *, trace: int = 0, level: int = 9) -> LogRecord:
    return LogRecord(
        time=SECOND,
        service="things",
        level=level,
        logger="things.api",
        text=text,
        trace_id=f"{trace:032x}" if trace else "",
        span_id="",
        attributes={},
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    opened = TelemetryStore(
        tmp_path / "telemetry.sqlite", Bounds(spans=100, trace_spans=20, logs=50, bytes=1 << 20)
    )
    yield opened
    opened.close()


def test_the_oldest_traces_and_logs_go_first(store: TelemetryStore) -> None:
    for number in range(1, 151):
        store.add_spans([span_of(number, began=number)])
        store.add_logs([log_of(f"number {number}")])

    latest = queries.traces(store, {"limit": "200"})
    logs = queries.logs(store, {"limit": "200"})

    assert 90 <= len(latest) <= 100
    assert [row["began"] for row in latest] == [float(number) for number in range(150, 150 - len(latest), -1)]
    assert 45 <= len(logs) <= 50
    assert logs[0]["text"] == "number 150"


def test_the_file_never_grows_beyond_its_bytes(store: TelemetryStore, tmp_path: Path) -> None:
    for number in range(1, 400):
        store.add_spans([span_of(number, began=number, attributes={"text": "x" * 30_000})])

    assert (tmp_path / "telemetry.sqlite").stat().st_size <= 1 << 20
    assert queries.traces(store, {})[0]["trace_id"] == f"{399:032x}"


def test_a_trace_with_too_many_spans_is_cut_off(store: TelemetryStore) -> None:
    assert store.add_spans([span_of(1) for _ in range(15)]) == 0
    assert store.add_spans([span_of(1) for _ in range(15)]) == 10


def test_spans_that_are_sent_again_are_there_once(store: TelemetryStore) -> None:
    span = span_of(1)
    for _ in range(2):
        store.add_spans([span])

    assert queries.traces(store, {})[0]["spans"] == 1


def test_the_root_is_that_without_a_parent_whichever_comes_first(store: TelemetryStore) -> None:
    store.add_spans([span_of(1, name="SELECT", parent_id="a" * 16, status="error")])
    store.add_spans([span_of(1, name="GET /page", parent_id="b" * 16, attributes=PAGE)])
    store.add_spans([span_of(1, name="GET /public", began=2, ms=50)])

    (row,) = queries.traces(store, {})

    assert (row["root"], row["ms"], row["errors"], row["spans"]) == ("GET /public", 50.0, 1, 3)
    assert (row["route"], row["page"]) == ("/things", "GET gateway:/page")


def test_traces_are_found_by_what_they_are(store: TelemetryStore) -> None:
    failed = {"http.response.status_code": 502, "http.route": "/gone"}
    store.add_spans(
        [span_of(1, began=1, ms=10), span_of(2, began=2, ms=900, attributes=failed, status="error")]
    )
    store.add_spans(
        [span_of(3, began=3, ms=300), span_of(3, parent_id="a" * 16, service="web", attributes=PAGE)]
    )

    def found(**query: str) -> list[int]:
        return [int(str(row["trace_id"]), 16) for row in queries.traces(store, query)]

    assert found() == [3, 2, 1]
    assert found(order="slowest") == [2, 3, 1]
    assert found(route="/gone") == found(status="error") == found(status="5xx") == found(status="502") == [2]
    assert found(page="GET web:/page") == found(service="web") == [3]
    assert found(min_ms="300") == [3, 2]
    assert found(text="/gone") == found(text=f"{2:032x}") == [2]
    assert found(text="100%") == []


@pytest.mark.parametrize("order", ["latest", "slowest"])
def test_a_cursor_leads_through_all_traces_without_a_gap_or_a_double(
    store: TelemetryStore, order: str
) -> None:
    store.add_spans(
        [span_of(number, began=1_800_000_000 + number // 3, ms=number // 4) for number in range(1, 41)]
    )

    seen: list[object] = []
    rows = queries.traces(store, {"order": order, "limit": "7"})
    while rows:
        seen += [row["trace_id"] for row in rows]
        rows = queries.traces(store, {"order": order, "limit": "7", "before": str(rows[-1]["cursor"])})

    assert len(seen) == len(set(seen)) == 40


def test_logs_are_found_by_what_they_are_and_followed(store: TelemetryStore) -> None:
    store.add_logs([log_of("one", level=5), log_of("two 100%", trace=7), log_of("three", level=17)])

    def found(**query: str) -> list[object]:
        return [row["text"] for row in queries.logs(store, query)]

    assert found() == ["three", "two 100%", "one"]
    assert found(level="info") == ["three", "two 100%"]
    assert found(text="100%") == found(trace_id=f"{7:032x}") == ["two 100%"]
    assert found(before="2") == ["one"]
    assert found(after="1") == ["two 100%", "three"]


def test_the_file_is_its_owners_alone(store: TelemetryStore, tmp_path: Path) -> None:
    store.add_logs([log_of("one")])

    assert (tmp_path / "telemetry.sqlite").stat().st_mode & 0o077 == 0


def test_a_full_file_makes_room(tmp_path: Path) -> None:
    """SQLite's own limit of pages, below the store's, stands for a disk that is full."""
    store = TelemetryStore(tmp_path / "telemetry.sqlite")
    store.add_spans(
        [span_of(number, began=number, attributes={"text": "x" * 7000}) for number in range(1, 40)]
    )
    store.rows(f"PRAGMA max_page_count = {store.rows('PRAGMA page_count')[0][0]}")

    store.add_spans([span_of(99, began=99, attributes={"text": "x" * 7000})])

    assert queries.traces(store, {})[0]["trace_id"] == f"{99:032x}"
    store.close()
    with sqlite3.connect(tmp_path / "telemetry.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
