"""The endpoints of the admin port: its metrics, what the gateway serves, and what an operator can do."""

import gzip
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from prometheus_client.exposition import choose_encoder

from frontispiece.gateway.config.written import to_json
from frontispiece.gateway.console.bff_calls import mounted
from frontispiece.gateway.console.request import json_reply
from frontispiece.gateway.observability.client_usage import RETENTION_DAYS
from frontispiece.gateway.reload import Outcome
from frontispiece.http.accept import preferred_coding
from frontispiece.http.headers import joined
from frontispiece.http.messages import IncomingRequest, Reply
from frontispiece.http.problems import Problem
from frontispiece.registry import Instance
from frontispiece.stores.valkey import ValkeyUnavailable
from frontispiece.upstream.stats import State, TransportWrapper

if TYPE_CHECKING:
    from frontispiece.gateway.edge import Gateway

_DAYS: Final = re.compile(r"[1-9][0-9]?")

AdminEndpoint = Callable[["Gateway", IncomingRequest], Awaitable[Reply]]


async def metrics(gateway: "Gateway", request: IncomingRequest) -> Reply:
    """The metrics of this process, in the format of Prometheus that the client accepts."""
    encode, kind = choose_encoder(joined(request.headers, b"accept").decode("latin-1"))
    content, headers = encode(gateway.runtime.metrics.registry), [(b"content-type", kind.encode())]
    if preferred_coding(joined(request.headers, b"accept-encoding").decode("latin-1"), ("gzip",)):
        content = gzip.compress(content)
        headers.append((b"content-encoding", b"gzip"))
    return Reply.whole(200, content, headers)


async def routes(gateway: "Gateway", _request: IncomingRequest) -> Reply:
    """The table in force, with every policy."""
    return json_reply(to_json(gateway.snapshot.table))


async def upstreams(gateway: "Gateway", _request: IncomingRequest) -> Reply:
    """Every service: its addresses, their health, its breaker and limits, and the calls under way."""
    return json_reply({name: upstream.state() for name, upstream in gateway.snapshot.upstreams.items()})


async def services(gateway: "Gateway", _request: IncomingRequest) -> Reply:
    """Every instance of every service: its zone and version, its health, ejections and calls under way."""
    return json_reply(await instances(gateway))


async def jwks(gateway: "Gateway", _request: IncomingRequest) -> Reply:
    """The key by which services in any language verify the gateway's internal tokens (RFC 7517)."""
    signer = gateway.runtime.signer
    return json_reply({"keys": [signer.jwk] if signer else []}, kind=b"application/jwk-set+json")


async def reload(gateway: "Gateway", _request: IncomingRequest) -> Reply:
    """Reload the table.

    Raises:
        Problem: 422 `table-faulty`, with every fault; the previous table stays in force.
    """
    if gateway.reloader is None:
        raise Problem(404, "no-table-file", "This gateway has no file to read its table from.")
    result = await gateway.reloader.reload("POST /admin/reload")
    if result.outcome is Outcome.FAULTY:
        detail = "The route table is invalid: the previous one stays in force."
        raise Problem(422, "table-faulty", detail, errors=list(result.errors))
    return json_reply({"outcome": result.outcome, "routes": len(gateway.snapshot.table.routes)})


async def purge(gateway: "Gateway", request: IncomingRequest) -> Reply:
    """Purge the cached responses of a path, of a tag, or all.

    Raises:
        Problem: 404 `no-cache`; 400 `purge-unclear`.
    """
    cache = gateway.cache
    if cache is None:
        raise Problem(404, "no-cache", "This gateway has no cache.")
    match _query_of(request):
        case [("path", path)] if path.startswith("/"):
            purged = await cache.purge(path)
        case [("tag", tag)] if tag:
            purged = await cache.purge_tag(tag)
        case [("all", "" | "true")]:
            purged = await cache.clear()
        case _:
            raise Problem(400, "purge-unclear", "Say one of ?path=/…, ?tag=… and ?all.")
    return json_reply({"purged": purged})


async def client_usage(gateway: "Gateway", request: IncomingRequest) -> Reply:
    """The calls of each version of each client, by route and day.

    Raises:
        Problem: 400 `days-unclear`; 503 `usage-unavailable` when Valkey, which has the counts, is.
    """
    match _query_of(request):
        case []:
            days = RETENTION_DAYS
        case [("days", text)] if _DAYS.fullmatch(text) and int(text) <= RETENTION_DAYS:
            days = int(text)
        case _:
            raise Problem(400, "days-unclear", f"Say ?days=N, of 1 to {RETENTION_DAYS}: they end today.")
    try:
        return json_reply(await gateway.runtime.client_usage.by_day(days))
    except ValkeyUnavailable:
        detail = "Valkey, which has the counts, is unavailable."
        raise Problem(503, "usage-unavailable", detail, headers={"Retry-After": "1"}) from None


ENDPOINTS: Final[Mapping[str, tuple[str, AdminEndpoint]]] = {
    "/metrics": ("GET", metrics),
    "/admin/routes": ("GET", routes),
    "/admin/upstreams": ("GET", upstreams),
    "/admin/services": ("GET", services),
    "/admin/jwks": ("GET", jwks),
    "/client-usage": ("GET", client_usage),
    "/admin/reload": ("POST", reload),
    "/admin/cache": ("DELETE", purge),
}
"""By path, and the one method that each has; GET answers HEAD as well."""


def _query_of(request: IncomingRequest) -> list[tuple[str, str]]:
    return parse_qsl(request.target.partition(b"?")[2].decode("latin-1"), keep_blank_values=True)


async def instances(gateway: "Gateway") -> list[State]:
    """Instances that are registered, or called from here, by service and address.

    `in_flight` and `ejections` add up what all callers in this process have; `healthy` is false where one of
    them has ejected it, or finds its health check failing.
    """
    found: dict[tuple[str, str], State] = {}
    registered_as: dict[str, str] = {}
    for instance in await _registered(gateway.runtime.directory.registry.url):
        about = {"zone": instance.zone, "version": instance.version, "weight": instance.weight}
        row = _row(found, instance.service, instance.address)
        row |= {"registered": True, **about}
        registered_as[instance.address] = instance.service
    for service, endpoint in _called(gateway):
        row = _row(found, registered_as.get(endpoint["url"], service), endpoint["url"])
        row["healthy"] &= endpoint.get("healthy", True) and not endpoint.get("ejected", False)
        for number in ("in_flight", "ejections"):
            row[number] += endpoint.get(number, 0)
    return [found[key] for key in sorted(found)]


def _row(found: dict[tuple[str, str], State], service: str, address: str) -> State:
    empty: dict[str, Any] = {"service": service, "address": address, "registered": False, "healthy": True}
    return found.setdefault(
        (service, address),
        {**empty, "in_flight": 0, "ejections": 0, "zone": "", "version": "", "weight": 1.0},
    )


async def _registered(url: str) -> list[Instance]:
    if not url:
        return []
    from frontispiece.registry import open_registry  # noqa: PLC0415 (an extra)

    async with open_registry(url) as registry:  # which the gateway's services have opened
        return registry.instances


def _called(gateway: "Gateway") -> Iterator[tuple[str, State]]:
    """The endpoints of each service, by its name, for each caller."""
    callers: list[tuple[str, TransportWrapper | None]] = [*gateway.snapshot.upstreams.items()]
    for app in mounted(gateway).values():
        callers += app.services.items()
    for name, caller in callers:
        for endpoint in caller.state()["addresses"] if caller else ():
            yield name.partition("@")[0], endpoint
