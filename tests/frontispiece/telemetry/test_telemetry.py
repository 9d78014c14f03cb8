"""Traces are off until the usual variables ask for them, and then go to where these say."""

import subprocess
import sys
from contextlib import suppress
from urllib.error import URLError

import pytest

from frontispiece import telemetry
from frontispiece.errors import ConfigError
from frontispiece.telemetry.span import child_span, unsampled_traceparent
from frontispiece.telemetry.spans import Tracing
from frontispiece.upstream import Unreachable
from tests.support.otlp import Collector
from tests.support.serving import servers

VARIABLES = ("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", *telemetry.ENDPOINTS, "OTEL_SERVICE_NAME")

NOTHING_LOADED = """
import sys
import frontispiece.gateway.app, bff.web.app, services.catalog.app, services.basket.app, services.discount.app
import services.ordering.app
from frontispiece import telemetry
assert telemetry.tracing("gateway") is None
ours = "opentelemetry.sdk", "opentelemetry.exporter", "frontispiece.telemetry.spans", "graphql"
print([name for name in sys.modules if name.startswith(ours)])
"""


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_without_need_nothing_of_the_sdk_and_of_graphql_is_loaded_in_any_role() -> None:
    done = subprocess.run([sys.executable, "-c", NOTHING_LOADED], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("variables", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
    ],
    ids=str,
)
def test_the_standard_variables_switch_traces_on(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, on: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert telemetry.is_on() is on


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]
)
def test_an_unsupported_value_is_refused_with_the_variables_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(telemetry.ENDPOINTS[0], "http://127.0.0.1:4318")
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError, match=name):
        telemetry.tracing("gateway")


async def service_names(monkeypatch: pytest.MonkeyPatch, *tracings: tuple[str, bool]) -> list[str]:
    """The names under which these roles are known to a collector, each by whether it is a guest."""
    collector = Collector()
    async with servers() as serve:
        monkeypatch.setenv(telemetry.ENDPOINTS[0], await serve(collector))
        for role, guest in tracings:
            if guest:
                with telemetry.mounting():
                    tracing = telemetry.tracing(role)
            else:
                tracing = telemetry.tracing(role)
            assert isinstance(tracing, Tracing)
            async with tracing:
                with tracing.serving("GET", [], {}):
                    pass
    return [span.service for span in collector.spans]


async def test_the_environment_names_the_process_but_not_its_guests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "edge")

    assert await service_names(monkeypatch, ("gateway", False), ("bff-web", True)) == ["edge", "bff-web"]


async def test_what_goes_to_this_machine_goes_by_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    assert await service_names(monkeypatch, ("gateway", False)) == ["gateway"]


async def test_the_usual_variable_says_what_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")

    assert await service_names(monkeypatch, ("gateway", False)) == []


async def test_the_type_of_an_error_is_the_reason_in_words_or_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collector, failures = Collector(), [Unreachable("no connection"), URLError(OSError("no route"))]
    async with servers() as serve:
        monkeypatch.setenv(telemetry.ENDPOINTS[0], await serve(collector))
        tracing = telemetry.tracing("gateway")
        assert tracing is not None
        async with tracing:
            for failure in failures:
                with suppress(type(failure)), tracing.serving("GET", [], {}):
                    raise failure
    assert [span.about["error.type"] for span in collector.spans] == ["unavailable", "URLError"]


async def test_an_unreachable_collector_does_not_delay_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(telemetry.ENDPOINTS[0], "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setattr("frontispiece.telemetry.export.EXPORT_TIMEOUT", 0.01)
    tracing = telemetry.tracing("gateway")
    assert tracing is not None
    async with tracing:
        with tracing.serving("GET", [], {}):
            pass


async def test_a_limited_number_of_traces_is_begun_and_each_name_has_one_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("frontispiece.telemetry.sampling.monotonic", lambda: seconds[0])
    collector = Collector()
    async with servers() as serve:
        monkeypatch.setenv(telemetry.ENDPOINTS[0], await serve(collector))
        tracing = telemetry.tracing("gateway", per_second=2)
        assert tracing is not None
        assert tracing.limit is not None

        def sampled(name: str, *headers: tuple[bytes, bytes]) -> bool:
            with tracing.serving(name, list(headers), {}) as span:
                assert (unsampled_traceparent() is None) == span.is_recording
                assert (child_span("inner", {}) is None) != span.is_recording
                return span.is_recording

        async with tracing:
            assert [sampled("often") for _ in range(4)] == [True, True, False, False]
            assert [sampled("seldom") for _ in range(2)] == [True, False]
            assert tracing.limit.left_out == 3
            followed = f"00-{'a' * 32}-{'b' * 16}-"
            assert sampled("often", (b"traceparent", f"{followed}01".encode()))
            seconds[0] = 0.5
            assert [sampled("often") for _ in range(2)] == [True, False]
            seconds[0] = 60
            assert [sampled("often") for _ in range(3)] == [True, True, False]
            assert not sampled("often", (b"traceparent", f"{followed}00".encode()))
            assert tracing.limit.left_out == 5
    assert len([span for span in collector.spans if span.name != "inner"]) == 7
