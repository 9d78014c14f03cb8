"""Whether traces are told to a collector: the usual variables of OpenTelemetry say so.

Nothing of OpenTelemetry's SDK is imported, and nothing stands around a call, unless `OTEL_TRACES_EXPORTER` or
an OTLP endpoint is set. What tells traces is `kit.tracing`, which is imported only then.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kit.tracing.core import Tracing

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

_beside: ContextVar[bool] = ContextVar("beside", default=False)


def is_on() -> bool:
    """Whether the environment asks for traces."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if exporter := os.environ.get("OTEL_TRACES_EXPORTER"):
        return exporter != "none"
    return any(os.environ.get(name) for name in ENDPOINTS)


def tracing(role: str) -> "Tracing | None":
    """What tells the traces of a role, under its own name; None when nobody asks for them.

    Open it with `async with` as long as the role serves: what has not been sent is sent at its end.

    Raises:
        Faulty: the variables ask for what there is not.
    """
    if not is_on():
        return None
    from kit.tracing.core import Tracing  # noqa: PLC0415 (whoever does not ask for traces does without)

    return Tracing(role, named_by_environment=not _beside.get())


@contextmanager
def beside() -> Iterator[None]:
    """What is made within is a guest in another role's process: `OTEL_SERVICE_NAME` does not name it."""
    token = _beside.set(True)
    try:
        yield
    finally:
        _beside.reset(token)
