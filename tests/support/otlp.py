"""A collector of traces: it takes OTLP over HTTP and keeps every span."""

import gzip
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.support.stub import Exchange, Stub


@dataclass(frozen=True)
class ExportedSpan:
    """A span as a collector sees it."""

    service: str
    span: Any

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.span.name)

    @property
    def trace(self) -> str:
        """Its trace's id."""
        return str(self.span.trace_id.hex())

    @property
    def id(self) -> str:
        """Its own id."""
        return str(self.span.span_id.hex())

    @property
    def parent(self) -> str:
        """Its parent's id; empty without one."""
        return str(self.span.parent_span_id.hex())

    @property
    def is_error(self) -> bool:
        """Whether its status says so."""
        return bool(self.span.status.code == 2)

    @cached_property
    def about(self) -> dict[str, Any]:
        """Its attributes."""
        return {
            each.key: getattr(each.value, each.value.WhichOneof("value")) for each in self.span.attributes
        }


class Collector(Stub):
    """A stub; `spans` are all that were exported to it."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.spans: list[ExportedSpan] = []

    async def _take(self, exchange: Exchange) -> None:
        body = await exchange.read()
        if exchange.all(b"content-encoding") == [b"gzip"]:
            body = gzip.decompress(body)
        self._keep(ExportTraceServiceRequest.FromString(body))
        await exchange.start(200, (b"content-type", b"application/x-protobuf"))
        await exchange.end(ExportTraceServiceResponse().SerializeToString())

    def _keep(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [ExportedSpan(names["service.name"], span) for span in scope.spans]

    def of(self, service: str) -> list[ExportedSpan]:
        """The spans of a service."""
        return [span for span in self.spans if span.service == service]

    def span(self, service: str, name: str) -> ExportedSpan:
        """The only span of a service with this name."""
        (found,) = [span for span in self.of(service) if span.name == name]
        return found
