"""The console receives traces and logs by OTLP, has a bounded number of them, also after restarts."""

import asyncio
import gzip
import threading
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

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
from frontispiece.gateway.console.telemetry import Telemetry, endpoints, otlp
from tests.support.serving import client_of, servers
from tests.support.world import World

TOKEN: Final = "of-the-operators-alone"
PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}
TRACES: Final = "/console/otlp/v1/traces"
LOGS: Final = "/console/otlp/v1/logs"
SECOND: Final = 10**9


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


def wide(scopes: int) -> bytes:
    """A resource without a name and with 258,048 values, which is nothing for each of its scopes."""
    value = AnyValue()
    for _ in range(64):
        value.array_value.values.add().array_value.values.extend([AnyValue(bool_value=True)] * 64)
    request = request_of("wide")
    (resource,) = request.resource_spans
    resource.resource.attributes[0].value.string_value = ""
    for number in range(63):
        resource.resource.attributes.add(key=str(number)).value.CopyFrom(value)
    resource.scope_spans[0].spans[0].attributes.extend(resource.resource.attributes)
    for _ in range(scopes):
        resource.scope_spans.add()
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
        (wide(9_000), {}, 200),
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
        "wide",
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


async def test_a_record_has_so_many_values_and_not_more(admin: httpx.AsyncClient) -> None:
    await admin.post(TRACES, content=wide(0), headers=PROTOBUF)
    (span,) = (await admin.get("/console/api/traces/" + "74" * 16)).json()["spans"]

    assert str(span["attributes"]).count("True") <= otlp.MAX_VALUES
    assert span["service"] == "unknown"


async def test_what_is_stored_for_too_long_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def work(_: object) -> None:
        begun.set()
        goes_on.wait()

    monkeypatch.setattr(endpoints, "EXIT_TIMEOUT", 0.1)
    telemetry = Telemetry(tmp_path / "telemetry.sqlite")
    reading = asyncio.create_task(telemetry.read(work))
    assert await asyncio.to_thread(begun.wait, 60)
    await telemetry.close()
    assert not reading.done()
    assert all(each.daemon for each in threading.enumerate() if each.name == "console")
    goes_on.set()
    await reading


async def test_spans_with_invalid_ids_or_times_are_rejected_and_the_others_stored(
    admin: httpx.AsyncClient,
) -> None:
    request = request_of("good", "no id", "early", "late", "ahead")
    _, no_id, early, late, ahead = request.resource_spans[0].scope_spans[0].spans
    no_id.span_id = b"x"
    early.end_time_unix_nano = 1
    late.end_time_unix_nano = 2**64 - 1
    ahead.start_time_unix_nano = ahead.end_time_unix_nano = time.time_ns() + 2 * otlp.MAX_AHEAD

    sent = await admin.post(TRACES, content=request.SerializeToString(), headers=PROTOBUF)

    assert ExportTraceServiceResponse.FromString(sent.content).partial_success.rejected_spans == 4
    assert [row["root"] for row in (await admin.get("/console/api/traces")).json()] == ["good"]


async def test_a_gateway_without_a_store_receives_nothing_and_says_why(
    edge: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    async with console(edge, None) as admin:
        sent = await admin.post(TRACES, content=b"", headers=PROTOBUF)

        assert (sent.status_code, sent.json()["title"]) == (404, "Telemetry off")
        shown = (await admin.get("/console/api/logs")).json()["detail"]
        assert "GATEWAY_CONSOLE_STORE is not set, OTEL_SDK_DISABLED is set" in shown


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


async def test_a_file_that_cannot_be_written_is_logged_once_and_rejects_spans_for_good(
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


@pytest.mark.parametrize(
    "query",
    [
        "order=fast",
        "limit=-1",
        "limit=x",
        "before=1",
        "before=" + "9" * 30 + "-" + "a" * 32,
        "before=" + "9" * 19 + "-" + "a" * 32,
        "status=teapot",
        "min_ms=9" + "9" * 30,
        "colour=red",
    ],
)
async def test_a_query_that_means_nothing_is_refused(admin: httpx.AsyncClient, query: str) -> None:
    refused = await admin.get(f"/console/api/traces?{query}")

    assert (refused.status_code, refused.json()["title"]) == (400, "Query invalid")
