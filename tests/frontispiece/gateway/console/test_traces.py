"""The console receives traces and logs by OTLP, has a bounded number of them, also after restarts."""

import gzip
import sqlite3
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_WARN

from frontispiece.gateway.admin import AdminApp, AdminSettings
from frontispiece.gateway.admin.app import export_token
from frontispiece.gateway.console import ConsoleSettings
from frontispiece.gateway.console.telemetry import otlp, queries
from frontispiece.gateway.console.telemetry.records import LogRecord, SpanRecord
from frontispiece.gateway.console.telemetry.store import Bounds, Store
from tests.support.serving import client_of, servers
from tests.support.world import World

TOKEN: Final = "of-the-operators-alone"
PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}
TRACES: Final = "/console/otlp/v1/traces"
LOGS: Final = "/console/otlp/v1/logs"
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


@asynccontextmanager
async def console(edge: World, store: Path | None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an admin port with this store, which has closed it afterwards."""
    settings = AdminSettings(admin_token=TOKEN, console=ConsoleSettings(store=store))
    async with servers() as serve, client_of(await serve(AdminApp(edge.gateway, settings))) as http:
        http.headers["Authorization"] = f"Bearer {TOKEN}"
        yield http


@pytest.fixture
async def admin(edge: World, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with console(edge, tmp_path / "telemetry.sqlite") as http:
        yield http


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "telemetry.sqlite", Bounds(spans=100, trace_spans=20, logs=50, bytes=1 << 20))
    yield opened
    opened.close()


def request_of(*names: str, trace: bytes = b"t" * 16) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "things"
    spans = resource.scope_spans.add().spans
    for number, name in enumerate(names, 1):
        spans.add(
            trace_id=trace,
            span_id=number.to_bytes(8),
            parent_span_id=(number - 1).to_bytes(8) if number > 1 else b"",
            name=name,
            kind=2,
            start_time_unix_nano=SECOND + number,
            end_time_unix_nano=2 * SECOND,
        )
    return request


async def test_a_trace_has_its_spans_and_the_logs_that_were_written_within_it(
    admin: httpx.AsyncClient,
) -> None:
    logs = ExportLogsServiceRequest()
    record = (
        logs.resource_logs.add()
        .scope_logs.add()
        .log_records.add(severity_number=SEVERITY_NUMBER_WARN, trace_id=b"t" * 16, time_unix_nano=SECOND)
    )
    record.body.string_value = "slow"
    for path, content in ((TRACES, request_of("GET /things", "SELECT")), (LOGS, logs)):
        packed = gzip.compress(content.SerializeToString())
        sent = await admin.post(path, content=packed, headers={**PROTOBUF, "Content-Encoding": "gzip"})
        assert (sent.status_code, sent.content) == (200, b"")

    (row,) = (await admin.get("/console/api/traces")).json()
    trace = (await admin.get(f"/console/api/traces/{row['trace_id']}")).json()

    assert row["root"] == "GET /things"
    assert [(span["name"], span["service"], span["ms"] > 999) for span in trace["spans"]] == [
        ("GET /things", "things", True),
        ("SELECT", "things", True),
    ]
    assert trace["spans"][1]["parent_id"] == trace["spans"][0]["span_id"]
    assert [(log["text"], log["level"]) for log in trace["logs"]] == [("slow", "warning")]
    assert (await admin.get("/console/api/traces/" + "0" * 32)).status_code == 404


async def test_apps_export_with_a_token_that_opens_nothing_else(admin: httpx.AsyncClient) -> None:
    content = request_of("GET /things").SerializeToString()
    headers = {**PROTOBUF, "Authorization": f"Bearer {export_token(TOKEN)}"}

    assert (await admin.post(TRACES, content=content, headers=headers)).status_code == 200
    for path in ("/console/api/traces", "/admin/routes", "/metrics"):
        assert (await admin.get(path, headers=headers)).status_code == 401, path
    assert (
        await admin.post(TRACES, content=content, headers={**headers, "Authorization": ""})
    ).status_code == 401


def nested(depth: int) -> bytes:
    value = AnyValue(string_value="deep")
    for _ in range(depth):
        outer = AnyValue()
        outer.array_value.values.append(value)
        value = outer
    request = request_of("nested")
    request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="deep").value.CopyFrom(value)
    return request.SerializeToString()


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"\xff" * 1000, {}, 400),
        (b"", {}, 200),
        (b"\x0a" * (otlp.MAX_BYTES + 1), {}, 413),
        (gzip.compress(bytes(otlp.MAX_BYTES + 1)), {"Content-Encoding": "gzip"}, 413),
        (gzip.compress(b"x" * 1000)[:-9], {"Content-Encoding": "gzip"}, 400),
        (zlib.compress(b"x"), {"Content-Encoding": "gzip"}, 400),
        (b"x", {"Content-Encoding": "br"}, 415),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"\x0a\x00" * (otlp.MAX_BYTES // 2), {}, 413),
        (b"\x0a\x80\x80\x04" + b"\x12\xfc\xff\x03" + b"\x12\x00" * 32766, {}, 413),
        (nested(40), {}, 200),
        (b"\x0a\x80\x80\x04", {}, 400),
    ],
    ids=[
        "junk",
        "empty",
        "large",
        "bomb",
        "cut off",
        "no gzip",
        "coding",
        "json",
        "groups",
        "spans",
        "deep",
        "short",
    ],
)
async def test_hostile_content_is_refused_and_what_comes_afterwards_is_stored(
    admin: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int
) -> None:
    sent = await admin.post(TRACES, content=content, headers={**PROTOBUF, **headers})

    assert sent.status_code == status, sent.text
    good = request_of("after", trace=b"a" * 16).SerializeToString()
    assert (await admin.post(TRACES, content=good, headers=PROTOBUF)).status_code == 200
    assert (await admin.get("/console/api/traces?text=after")).json()[0]["trace_id"] == "61" * 16


async def test_spans_with_invalid_ids_or_times_are_rejected_and_the_others_stored(
    admin: httpx.AsyncClient,
) -> None:
    request = request_of("good", "no id", "early", "late")
    _, no_id, early, late = request.resource_spans[0].scope_spans[0].spans
    no_id.span_id = b"x"
    early.end_time_unix_nano = 1
    late.end_time_unix_nano = 2**64 - 1

    sent = await admin.post(TRACES, content=request.SerializeToString(), headers=PROTOBUF)

    assert ExportTraceServiceResponse.FromString(sent.content).partial_success.rejected_spans == 3
    assert [row["root"] for row in (await admin.get("/console/api/traces")).json()] == ["good"]


async def test_a_gateway_without_a_store_receives_nothing(edge: World) -> None:
    async with console(edge, None) as admin:
        sent = await admin.post(TRACES, content=b"", headers=PROTOBUF)

        assert (sent.status_code, sent.json()["title"]) == (404, "Telemetry off")
        assert "GATEWAY_CONSOLE_STORE" in (await admin.get("/console/api/logs")).json()["detail"]


async def test_traces_are_there_after_a_restart(edge: World, tmp_path: Path) -> None:
    for name in (b"a", b"b"):
        async with console(edge, tmp_path / "new" / "telemetry.sqlite") as admin:
            content = request_of("GET /things", trace=name * 16).SerializeToString()
            await admin.post(TRACES, content=content, headers=PROTOBUF)
            found = (await admin.get("/console/api/traces")).json()

    assert len(found) == 2


async def test_a_broken_file_is_put_aside_and_begun_anew(
    edge: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "telemetry.sqlite"
    file.write_bytes(b"nothing of a database" * 1000)
    async with console(edge, file) as admin:
        content = request_of("GET /things").SerializeToString()
        await admin.post(TRACES, content=content, headers=PROTOBUF)
        found = (await admin.get("/console/api/traces")).json()

    assert len(found) == 1
    assert "is put aside as telemetry.sqlite.broken" in caplog.text
    assert (tmp_path / "telemetry.sqlite.broken").read_bytes().startswith(b"nothing of a database")


async def test_a_file_that_cannot_be_written_is_said_once_and_rejects_spans_for_good(
    edge: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    async with console(edge, tmp_path / "file" / "telemetry.sqlite") as admin:
        for _ in range(3):
            content = request_of("GET /things").SerializeToString()
            sent = await admin.post(TRACES, content=content, headers=PROTOBUF)
        shown = await admin.get("/console/api/traces")

    partial = ExportTraceServiceResponse.FromString(sent.content).partial_success
    assert partial.rejected_spans == 1
    assert "telemetry.sqlite" in partial.error_message
    assert (shown.status_code, shown.json()["title"]) == (503, "Telemetry unavailable")
    assert caplog.text.count("the console stores no traces and logs") == 1


def test_the_oldest_traces_and_logs_go_first(store: Store) -> None:
    for number in range(1, 151):
        store.add_spans([span_of(number, began=number)])
        store.add_logs([log_of(f"number {number}")])

    latest = queries.traces(store, {"limit": "200"})
    logs = queries.logs(store, {"limit": "200"})

    assert 90 <= len(latest) <= 100
    assert [row["began"] for row in latest] == [float(number) for number in range(150, 150 - len(latest), -1)]
    assert 45 <= len(logs) <= 50
    assert logs[0]["text"] == "number 150"


def test_the_file_never_grows_beyond_its_bytes(store: Store, tmp_path: Path) -> None:
    for number in range(1, 400):
        store.add_spans([span_of(number, began=number, attributes={"text": "x" * 30_000})])

    assert (tmp_path / "telemetry.sqlite").stat().st_size <= 1 << 20
    assert queries.traces(store, {})[0]["trace_id"] == f"{399:032x}"


def test_a_trace_with_too_many_spans_is_cut_off(store: Store) -> None:
    assert store.add_spans([span_of(1) for _ in range(15)]) == 0
    assert store.add_spans([span_of(1) for _ in range(15)]) == 10


def test_spans_that_are_sent_again_are_there_once(store: Store) -> None:
    span = span_of(1)
    for _ in range(2):
        store.add_spans([span])

    assert queries.traces(store, {})[0]["spans"] == 1


def test_the_root_is_that_without_a_parent_whichever_comes_first(store: Store) -> None:
    store.add_spans([span_of(1, name="SELECT", parent_id="a" * 16, status="error")])
    store.add_spans([span_of(1, name="GET /page", parent_id="b" * 16, attributes=PAGE)])
    store.add_spans([span_of(1, name="GET /public", began=2, ms=50)])

    (row,) = queries.traces(store, {})

    assert (row["root"], row["ms"], row["errors"], row["spans"]) == ("GET /public", 50.0, 1, 3)
    assert (row["route"], row["page"]) == ("/things", "GET gateway:/page")


def test_traces_are_found_by_what_they_are(store: Store) -> None:
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
def test_a_cursor_leads_through_all_traces_without_a_gap_or_a_double(store: Store, order: str) -> None:
    store.add_spans([span_of(number, began=number // 3, ms=number // 4) for number in range(1, 41)])

    seen: list[object] = []
    rows = queries.traces(store, {"order": order, "limit": "7"})
    while rows:
        seen += [row["trace_id"] for row in rows]
        rows = queries.traces(store, {"order": order, "limit": "7", "before": str(rows[-1]["cursor"])})

    assert len(seen) == len(set(seen)) == 40


def test_logs_are_found_by_what_they_are_and_followed(store: Store) -> None:
    store.add_logs([log_of("one", level=5), log_of("two 100%", trace=7), log_of("three", level=17)])

    def found(**query: str) -> list[object]:
        return [row["text"] for row in queries.logs(store, query)]

    assert found() == ["three", "two 100%", "one"]
    assert found(level="info") == ["three", "two 100%"]
    assert found(text="100%") == found(trace_id=f"{7:032x}") == ["two 100%"]
    assert found(before="2") == ["one"]
    assert found(after="1") == ["two 100%", "three"]


@pytest.mark.parametrize(
    "query",
    [
        "order=fast",
        "limit=-1",
        "limit=x",
        "before=1",
        "before=" + "9" * 30 + "-" + "a" * 32,
        "status=teapot",
        "min_ms=9" + "9" * 30,
        "colour=red",
    ],
)
async def test_a_query_that_means_nothing_is_refused(admin: httpx.AsyncClient, query: str) -> None:
    refused = await admin.get(f"/console/api/traces?{query}")

    assert (refused.status_code, refused.json()["title"]) == (400, "Query invalid")


def test_the_file_is_its_owners_alone(store: Store, tmp_path: Path) -> None:
    store.add_logs([log_of("one")])

    assert (tmp_path / "telemetry.sqlite").stat().st_mode & 0o077 == 0


def test_a_full_file_makes_room(tmp_path: Path) -> None:
    """SQLite's own limit of pages, below the store's, stands for a disk that is full."""
    store = Store(tmp_path / "telemetry.sqlite")
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
