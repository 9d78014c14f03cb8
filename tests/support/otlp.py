"""A collector of traces: it takes OTLP over HTTP and keeps every span."""

import gzip
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from kit.asgi import Receive, Scope, Send


@dataclass(frozen=True)
class Told:
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


class Collector:
    """An ASGI app; `spans` are all that it was told."""

    def __init__(self) -> None:
        self.spans: list[Told] = []
        self.paths: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{phase}.complete"})
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if dict(scope["headers"]).get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        self.paths.add(scope["path"])
        self._keep(ExportTraceServiceRequest.FromString(body))
        headers = [(b"content-type", b"application/x-protobuf")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": ExportTraceServiceResponse().SerializeToString()})

    def _keep(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [Told(names["service.name"], span) for span in scope.spans]

    def of(self, service: str) -> list[Told]:
        """The spans of a service."""
        return [told for told in self.spans if told.service == service]

    def told(self, service: str, name: str) -> Told:
        """The only span of a service with this name."""
        (found,) = [told for told in self.of(service) if told.name == name]
        return found
