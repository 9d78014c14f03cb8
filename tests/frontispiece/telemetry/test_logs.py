"""What an app logs goes to a collector with its name and its span, and without secrets."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_ERROR, SEVERITY_NUMBER_WARN

from frontispiece import telemetry
from frontispiece.errors import ConfigError
from tests.support.serving import servers
from tests.support.stub import Exchange, Stub

log = logging.getLogger("things.api")


class LogCollector(Stub):
    """A stub; `logs` are the records with their services that were exported to it."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.logs: list[tuple[str, Any]] = []

    async def _take(self, exchange: Exchange) -> None:
        body = await exchange.read()
        if exchange.path == b"/v1/logs":
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                service = {each.key: each.value.string_value for each in resource.resource.attributes}
                self.logs += [
                    (service["service.name"], record)
                    for scope in resource.scope_logs
                    for record in scope.log_records
                ]
        await exchange.start(200, (b"content-type", b"application/x-protobuf"))
        await exchange.end(b"")


@asynccontextmanager
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LogCollector]:
    async with servers() as serve:
        collecting = LogCollector()
        monkeypatch.setenv(telemetry.ENDPOINTS[0], await serve(collecting))
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "otlp")
        yield collecting


@asynccontextmanager
async def app(name: str) -> AsyncIterator[Any]:
    tracing = telemetry.tracing(name)
    assert tracing is not None
    async with tracing:
        yield tracing


async def test_a_record_has_its_app_its_level_and_the_span_that_it_is_logged_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with collector(monkeypatch) as collecting, app("things") as tracing:
        with tracing.serving("GET /things", [], {}) as span:
            log.warning("slow: %s", "stock")
            trace, parent = span.traceparent.split("-")[1:3]

    ((service, record),) = collecting.logs
    assert (service, record.body.string_value) == ("things", "slow: stock")
    assert record.severity_number == SEVERITY_NUMBER_WARN
    assert (record.trace_id.hex(), record.span_id.hex()) == (trace, parent)


async def test_apps_of_one_process_log_under_their_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(name: str, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(app(name))
        await asyncio.create_task(asyncio.to_thread(log.warning, "in the background"))

    async with collector(monkeypatch) as collecting, AsyncExitStack() as stack:
        for name in ("things", "stocks"):
            await asyncio.create_task(work(name, stack))
        log.warning("outside")

    assert [service for service, _ in collecting.logs] == ["things", "stocks", "process"]


async def test_secrets_and_the_messages_of_exceptions_are_not_exported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with collector(monkeypatch) as collecting, app("things"):
        log.error("a mail to ada@example.org, with %s", "eyJhbGciOiJFZERTQSJ9.e30.x")
        try:
            dict[str, str]()["ada"]
        except KeyError:
            log.exception("it failed")

    (mail, failed) = (record for _, record in collecting.logs)
    about = {each.key: each.value.string_value for each in failed.attributes}
    assert mail.body.string_value == "a mail to REDACTED with REDACTED"
    assert mail.severity_number == SEVERITY_NUMBER_ERROR
    assert about["exception.type"] == "KeyError"
    assert "test_logs.py" in about["exception.stacktrace"]
    assert "KeyError: 'ada'" not in str(failed)


async def test_the_export_never_exports_what_it_logs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collector(monkeypatch) as collecting, app("things"):
        logging.getLogger("opentelemetry.exporter").error("a batch was lost")
        logging.getLogger("urllib3.connectionpool").warning("a connection was lost")

    assert collecting.logs == []


async def test_logs_stay_here_unless_the_variable_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collector(monkeypatch) as collecting:
        monkeypatch.delenv("OTEL_LOGS_EXPORTER")
        async with app("things"):
            log.warning("slow")
        monkeypatch.setenv("OTEL_LOGS_EXPORTER", "console")
        with pytest.raises(ConfigError, match="OTEL_LOGS_EXPORTER"):
            telemetry.tracing("things")

    assert collecting.logs == []


async def test_ten_apps_of_one_process_share_the_threads_of_the_export(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sending() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("OtelBatch")]

    async with collector(monkeypatch), AsyncExitStack() as stack:
        for number in range(10):
            await stack.enter_async_context(app(f"app-{number}"))
        assert len(sending()) == 2

    assert sending() == []
