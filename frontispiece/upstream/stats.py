"""What transports report about themselves: numbers for Prometheus, and their state as JSON for operators."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, runtime_checkable

from frontispiece.http.messages import Transport

State = dict[str, Any]
"""Members of a JSON object."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gauge:
    """A number as it is now.

    Args:
        name: in Prometheus; one that ends in `_total` only grows.
        labels: beside the upstream's name.
    """

    name: str
    meaning: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Stateful(Protocol):
    """What has diagnostics, such as a way to a service."""

    def state(self) -> State:
        """Diagnostics as members of a JSON object."""
        ...


@runtime_checkable
class Reporting(Stateful, Protocol):
    """A transport that reports about itself and the transports within."""

    def gauges(self) -> Iterator[Gauge]:
        """Numbers as they are now."""
        ...


class TransportWrapper:
    """The base of a transport around another one: opened, closed and reported together."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner

    async def __aenter__(self) -> Self:
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.inner.__aexit__(*exc)

    def gauges(self) -> Iterator[Gauge]:
        """The numbers of the transport within, if it reports any."""
        return self.inner.gauges() if isinstance(self.inner, Reporting) else iter(())

    def state(self) -> State:
        """The diagnostics of the transport within, if it reports any."""
        return self.inner.state() if isinstance(self.inner, Reporting) else {}
