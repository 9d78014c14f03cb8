"""Routes to services over gRPC, by the descriptor sets of these services."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from frontispiece.errors import nearest
from frontispiece.extras import check_extra
from frontispiece.gateway.config.route import NATIVE, Auth, Route
from frontispiece.gateway.config.service import Service
from frontispiece.gateway.config.target import Target
from frontispiece.gateway.config.validate import other_targets
from frontispiece.http.paths import Template
from frontispiece.http.router import Matcher, Pattern, RouteNotFound

if TYPE_CHECKING:
    from frontispiece.upstream.transports.grpc.descriptors import Descriptors

FOR_HTTP = ("validate_requests", "websocket", "mirror")
"""Keys of a route that do not go with a method over gRPC."""

BY_HEADERS = frozenset(
    {"path", "host", "methods", "to", "auth", "issuers", "scopes", "claims", "acr_values", "max_age"}
    | {"rate_limit", "timeout", "priority", "layers"}
)
"""Keys of a native route, about which the gateway decides without seeing messages."""


def with_descriptors(service: Service, folder: Path) -> Service:
    """A copy of a service that has read its descriptor set; the same service if it has none.

    Raises:
        ValueError: the set cannot be read.
    """
    if service.descriptors is None:
        return service
    check_extra("grpc", "grpc")
    from frontispiece.upstream.transports.grpc.descriptors import Descriptors  # noqa: PLC0415 (an extra)

    try:
        content = (folder / service.descriptors).read_bytes()
        return service.with_descriptors(Descriptors(content))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"descriptors: {service.descriptors} cannot be read: {reason}") from None


def faults_over_grpc(route: Route, services: Mapping[str, Service]) -> Iterator[tuple[str, str]]:
    """A route to a method has what goes with one, and fields of its message for placeholders.

    A native route has nothing that needs messages, and there are methods at its path.
    """
    for key, target in other_targets(route):
        if target.method or target.is_native:
            yield key, f"{key}: a method over gRPC is written in to alone"
    if not route.is_native and NATIVE in route.methods:
        yield "methods", f'methods: {NATIVE} is what a route to "grpc://service" has'
    if route.to is None:
        return
    if route.is_native:
        yield from _faults_of_native(route, route.to, services)
    elif route.to.method:
        yield from _faults_of_method(route, route.to, services)


def _faults_of_method(route: Route, to: Target, services: Mapping[str, Service]) -> Iterator[tuple[str, str]]:
    for key in FOR_HTTP:
        if getattr(route, key):
            yield key, f"{key} is for services over HTTP: to leads to a method over gRPC"
    for variant in route.split or ():
        name, version, _ = variant.to.service.partition("@")
        if variant.to.path or not version or name != to.service:
            yield "split", f"split: a method over gRPC has variants by version: write {to.service}@2"
    if to.service in services:  # else a fault of its own
        yield from _faults_of_target(route, to, services[to.service])


def _faults_of_native(route: Route, to: Target, services: Mapping[str, Service]) -> Iterator[tuple[str, str]]:
    for key in sorted(route.model_fields_set - BY_HEADERS):
        yield key, f"{key} is for HTTP: of native gRPC calls the gateway sees the headers alone"
    if route.methods != (NATIVE,):
        yield "methods", "methods are those of HTTP: leave them out, the path says which calls are taken"
    if route.auth is Auth.SESSION:
        yield "auth", 'auth = "session" is for browsers, which cannot call native gRPC: set auth = "bearer"'
    service = services.get(to.service.partition("@")[0])
    if service is None:
        return  # a fault of its own
    descriptors: Descriptors | None = service.grpc
    if descriptors is None:
        yield "to", f"to is native gRPC, and the service {to.service} has no descriptors"
    elif not any(_takes(route.template, path) for path in descriptors.streams):
        known = descriptors.streams
        hint = nearest(route.path, known) or f": there are {', '.join(sorted(known))}"
        yield "path", f"no method of {to.service} is at this path{hint}"


def _takes(template: Template, path: str) -> bool:
    try:
        Matcher([(Pattern(template=template, methods=[NATIVE]), template)]).match(
            NATIVE, "", path[1:].split("/")
        )
    except RouteNotFound:
        return False
    return True


def _faults_of_target(route: Route, to: Target, service: Service) -> Iterator[tuple[str, str]]:
    if service.grpc is None:
        yield "to", f"to names a method, and the service {to.service} has no descriptors"
        return
    try:
        method = service.grpc.find(to.method or "")
    except LookupError as fault:
        yield "to", f"to: {fault}"
        return
    known = [field.name for field in method.takes.DESCRIPTOR.fields]
    for name in route.template.names:
        if method.field(name) is None:
            hint = nearest(name, known) or f": its fields are {', '.join(known)}"
            yield "path", f"{{{name}}} is no field of {method.takes.DESCRIPTOR.name}{hint}"


def with_method(route: Route, services: Mapping[str, Service]) -> Route:
    """A copy of a route that leads to the path of its method, of all versions; the same if it has none."""
    if route.to is None or route.to.method is None:
        return route
    descriptors: Descriptors | None = services[route.to.service].grpc
    assert descriptors is not None, "a route to a method of another service is refused"
    path = Template.parse(descriptors.find(route.to.method).path)
    at_path = {"path": path, "method": route.to.method}
    split = route.split and tuple(
        each.model_copy(update={"to": each.to.model_copy(update=at_path)}) for each in route.split
    )
    return route.model_copy(update={"to": route.to.model_copy(update=at_path), "split": split})
