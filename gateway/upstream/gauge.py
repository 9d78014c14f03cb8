"""What transports tell of themselves to operators."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from gateway.upstream.message import Transport


@dataclass(frozen=True, kw_only=True, slots=True)
class Gauge:
    """A number as it is now.

    Args:
        name: in Prometheus; one that ends in `_total` only grows.
        meaning: one sentence.
        value: the number.
        labels: what tells it apart from others of its name, beside the upstream.
    """

    name: str
    meaning: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Telling(Protocol):
    """A transport that has something to tell."""

    def gauges(self) -> Iterator[Gauge]:
        """Its numbers, and those of the transports within."""
        ...


def gauges_of(transport: Transport) -> Iterator[Gauge]:
    """What a transport tells: nothing, if it is none that does."""
    if isinstance(transport, Telling):
        yield from transport.gauges()
