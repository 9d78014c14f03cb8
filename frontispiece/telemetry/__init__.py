"""Traces, switched on by OpenTelemetry's own variables.

Stability: internal.

Nothing of OpenTelemetry's SDK is imported, and nothing wraps a call, unless `OTEL_TRACES_EXPORTER` or an OTLP
endpoint is set. Only then `frontispiece.telemetry.spans` is imported.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from frontispiece.extras import extra

if TYPE_CHECKING:
    from frontispiece.telemetry.spans import Tracing

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

DESTINATIONS: Final = (
    *ENDPOINTS,
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_LOGS_EXPORTER",
    "OTEL_SDK_DISABLED",
)
"""Variables that say whether telemetry goes anywhere, and where."""

EXPORTED: Final[Mapping[str, str]] = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_BSP_SCHEDULE_DELAY": "500",
    "OTEL_BLRP_SCHEDULE_DELAY": "500",
}
"""Variables of apps under `front up`: their traces and logs are exported within half a second."""

_mounting: ContextVar[bool] = ContextVar("mounting", default=False)


def is_on() -> bool:
    """Whether the environment asks for traces."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if exporter := os.environ.get("OTEL_TRACES_EXPORTER"):
        return exporter != "none"
    return any(os.environ.get(name) for name in ENDPOINTS)


def why_elsewhere(environment: Mapping[str, str]) -> str:
    """Which variable says where telemetry goes, or that the extra `otel` is missing; empty for none."""
    given = (f"{name} is set" for name in DESTINATIONS if environment.get(name))
    return next(given, "" if _is_installed() else "the extra otel is not installed")


NEEDED = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http", "google.protobuf")
"""What the extra `otel` brings: other packages depend on a part of it."""


def _is_installed() -> bool:
    try:
        return all(find_spec(module) for module in NEEDED)
    except ModuleNotFoundError:  # not even the package that it is in
        return False


def tracing(role: str, per_second: int | None = None) -> "Tracing | None":
    """The traces of an app with this name; None when they are off.

    Open it with `async with` while the app serves: remaining spans are sent at the end.

    It begins `per_second` traces a second; by default `OTEL_TRACES_SAMPLER` says how many.

    Raises:
        ConfigError: the variables ask for an unsupported exporter or protocol.
    """
    if not is_on():
        return None
    with extra("otel"):
        from frontispiece.telemetry.spans import Tracing  # noqa: PLC0415 (only with traces)

    return Tracing(role, named_by_environment=not _mounting.get(), per_second=per_second)


@contextmanager
def mounting() -> Iterator[None]:
    """Apps created within are mounted in another app's process: `OTEL_SERVICE_NAME` does not name them."""
    token = _mounting.set(True)
    try:
        yield
    finally:
        _mounting.reset(token)
