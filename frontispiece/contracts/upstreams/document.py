"""`services/<consumer>.json`: all that an app's clients send to services and read of them, by service."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from frontispiece.contracts.upstreams.openapi import http_conflicts
from frontispiece.contracts.upstreams.recording import Arguments, record
from frontispiece.pages import ServiceType

OpenApiOf = Callable[[str], Mapping[str, Any] | None]
"""The OpenAPI document of a service, by its name; None where there is none."""


async def upstream_calls(
    consumer: str, clients: Mapping[Any, str | ServiceType], arguments: Arguments
) -> dict[str, Any]:
    """The calls of clients with the fields that they send and read, as JSON.

    The clients are as `bff(clients=…)` takes them; `arguments` are those of methods whose signatures do not
    say enough.
    """
    services: dict[str, Any] = {}
    for client, service in clients.items():
        if isinstance(service, str):
            services[service] = {"http": [asdict(call) for call in await record(client, arguments)]}
        else:
            from frontispiece.contracts.upstreams.grpc import record_grpc  # noqa: PLC0415 (an extra)
            from frontispiece.upstream import GrpcService  # noqa: PLC0415 (an extra)

            if isinstance(service, GrpcService):
                calls = await record_grpc(client, arguments)
                services[service.name] = {"grpc": [asdict(call) for call in calls]}
    return {"consumer": consumer, "services": services}


def conflicts(contract: Mapping[str, Any], openapi_of: OpenApiOf) -> dict[str, list[str] | None]:
    """The conflicts of each service with a contract, in words; None where it has nothing to compare with.

    HTTP calls are compared with the services' OpenAPI documents, gRPC calls with the imported descriptors.
    """
    return {
        service: _conflicts(calls, openapi_of(service)) for service, calls in contract["services"].items()
    }


def _conflicts(calls: Mapping[str, Any], openapi: Mapping[str, Any] | None) -> list[str] | None:
    if "grpc" in calls:
        from frontispiece.contracts.upstreams.grpc import grpc_conflicts  # noqa: PLC0415 (an extra)

        return [f"{call['client']}, {fault}" for call in calls["grpc"] for fault in grpc_conflicts(call)]
    if openapi is None:
        return None
    return [f"{call['client']}, {fault}" for call in calls["http"] for fault in http_conflicts(call, openapi)]
