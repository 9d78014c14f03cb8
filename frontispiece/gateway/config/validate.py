"""What must hold between the parts of a table, each of them being valid in itself: `CHECKS`, one a concern.

A check sees the whole table and names every mistake of its kind. Routes that are not valid in themselves are
left out of it, so that every other mistake is named at once.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from frontispiece.errors import nearest
from frontispiece.gateway.aggregates.validate import faults_of_parts
from frontispiece.gateway.config.faults import Fault, WrittenTable
from frontispiece.gateway.config.route import DEFAULT_ISSUER, Auth, Route
from frontispiece.gateway.config.target import Target
from frontispiece.gateway.files.validate import faults_of_files
from frontispiece.gateway.policies.websocket.config import WITHOUT_WEBSOCKETS
from frontispiece.http.headers import SAFE_METHODS

IDENTIFIES: Final = 'set auth = "bearer" or "session"'

TARGETS: Final = ("to", "parts", "files")
"""The keys that say what answers a route."""

FOR_ONE_SERVICE: Final = ("validate_requests", "retry", "mirror", "split", "websocket")
"""Keys of a route that leads to one service."""

FOR_ONE_RESPONSE: Final = (
    "cors",
    "compression",
    "idempotency",
    "validate_requests",
    "cache",
    "collapse",
    "mirror",
    "retry",
    "split",
)
"""Keys about requests with one response each, which a WebSocket is not."""


Check = Callable[[WrittenTable], Iterator[Fault]]

RouteCheck = Callable[[Route], Iterator[tuple[str, str]]]
"""Yields the key at fault, and what is wrong with it."""


def each_route(check: RouteCheck) -> Check:
    """A check of the table that looks at one route after the other."""

    def check_table(table: WrittenTable) -> Iterator[Fault]:
        for written, route in table.valid_routes:
            for key, message in check(route):
                yield written.fault(key, message)

    return check_table


def unique_routes(table: WrittenTable) -> Iterator[Fault]:
    """No two routes answer the same method of the same path and host."""
    taken: dict[object, Route] = {}
    for written, route in table.valid_routes:
        for method in route.methods:
            other = taken.setdefault((route.host, method, route.template.shape), route)
            if other is not route:
                yield written.fault(
                    "path", f"{method} is answered by {other.path} already: leave one of them"
                )


def known_services(table: WrittenTable) -> Iterator[Fault]:
    """Every target is a service of the table."""
    for written, route in table.valid_routes:
        targets = [("to", route.to)] if route.to else []
        for key, target in [*targets, *other_targets(route)]:
            name, at, _ = target.service.partition("@")
            if name not in table.services:
                yield written.fault(key, _unknown_service(key, name, table.services))
            elif at and not str(_url_of(table.services[name])).startswith("registry://"):
                message = f"{key}: only a service at registry:// has versions, and {name} is elsewhere"
                yield written.fault(key, message)
    for target in table.session.guest_merge if table.session else ():
        if target.service not in table.services:
            message = _unknown_service("guest_merge", target.service, table.services)
            yield Fault(("session", "guest_merge"), message)


def one_target(table: WrittenTable) -> Iterator[Fault]:
    """A route has one of `to`, `parts` and `files`."""
    for written in table.routes:
        if not isinstance(written.written, dict):
            continue
        named = [key for key in TARGETS if key in written.written]
        if len(named) > 1:
            yield written.fault(named[1], f"a route has {' or '.join(named)}, not both: leave one")
        elif not named:
            yield written.fault("", "a route needs to, its service, or parts, which are joined, or files")


def aggregates(table: WrittenTable) -> Iterator[Fault]:
    """Parts can be joined."""
    for written in table.routes:
        for message in faults_of_parts(written.written, table.services):
            keys = message.partition(":")[0].split(".", 1)  # such as parts.price
            yield Fault(("routes", written.index, *keys), message)


def session_section(table: WrittenTable) -> Iterator[Fault]:
    """Session routes have a section `[session]`, whose own paths no route takes."""
    for written, route in table.valid_routes:
        if not table.has_session and route.auth is Auth.SESSION:
            yield written.fault("auth", 'auth = "session" asks for a section [session]')
        if table.session and table.session.owns(route.template):
            yield written.fault("path", f"{table.session.path} and what is below belong to the session")


def websocket_services(table: WrittenTable) -> Iterator[Fault]:
    """WebSockets lead to addresses at which they are spoken."""
    for written, route in table.valid_routes:
        if route.websocket is None or route.to is None:
            continue
        urls = _url_of(table.services.get(route.to.service))
        for url in urls if isinstance(urls, list) else [urls]:
            if isinstance(url, str) and url.startswith(WITHOUT_WEBSOCKETS):
                message = f"websocket: it is not spoken at {url}, only at http://, https:// and app://"
                yield written.fault("websocket", message)


def identified_caller(route: Route) -> Iterator[tuple[str, str]]:
    """What depends on the caller is on routes that identify callers."""
    user_keys = [key for key in ("claims", "acr_values", "max_age") if getattr(route, key)]
    if route.auth is not Auth.BEARER and route.issuers != (DEFAULT_ISSUER,):
        yield "issuers", 'issuers are whose access tokens are accepted: set auth = "bearer"'
    if route.auth.identifies_caller:
        if route.guest_methods and not (route.guest and route.auth is Auth.BEARER):
            yield "guest_methods", 'guest_methods need auth = "bearer" and guest = true'
        if route.guest and user_keys:
            yield "guest", f"guest lets callers in without {', '.join(user_keys)}, which only users have"
        return
    for key in user_keys:
        yield key, f"{key} asks for a user: {IDENTIFIES}"
    if route.scopes:
        yield "scopes", f"scopes ask for a user: {IDENTIFIES}"
    if route.guest or route.guest_methods:
        yield "guest", f"guest is for routes that identify callers: {IDENTIFIES}"
    for limit in route.rate_limit:
        if limit.by.identifies_caller:
            yield "rate_limit", f"a rate_limit by {limit.by} asks for a user: {IDENTIFIES}"


def protected_resources(route: Route) -> Iterator[tuple[str, str]]:
    """Metadata say where to get access tokens, for one URL."""
    if route.protected_resource is None:
        return
    if route.auth is not Auth.BEARER:
        yield "protected_resource", 'clients are told where to get access tokens: set auth = "bearer"'
    if route.template.names:
        yield "protected_resource", "it is one URL, without placeholders"


def passed_credentials(route: Route) -> Iterator[tuple[str, str]]:
    """Credentials that are passed through go to one service, and the gateway does not know the caller."""
    if route.auth is not Auth.PASSTHROUGH:
        return
    if route.parts:
        yield "auth", 'auth = "passthrough" hands credentials to one service: parts have several'
    if route.mirror:
        yield "mirror", 'mirror copies no credentials: auth = "passthrough" hands them to one service'
    if route.idempotency:
        message = 'idempotency needs the caller: with auth = "passthrough" only the service knows it'
        yield "idempotency", message


def targets(route: Route) -> Iterator[tuple[str, str]]:
    """Targets use the path's placeholders, and lead elsewhere than the route itself."""
    names = set(route.template.names)
    if unknown := _names(route.to) - names:
        meant = nearest(min(unknown), names)
        yield "to", f"to uses {', '.join(sorted(unknown))}, which the path does not have{meant}"
    for key, target in other_targets(route):
        if unknown := _names(target) - names:
            yield key, f"{key}: to uses {', '.join(sorted(unknown))}, which the path does not have"
        if route.to and (target.service, target.path or route.template) == (route.to.service, route.target):
            yield key, f"{key}: to is where the route leads already"


def one_service(route: Route) -> Iterator[tuple[str, str]]:
    """What is about one service is not on aggregates, nor on files."""
    if route.to is None:
        others = "files have none" if route.files else "parts have several"
        for key in FOR_ONE_SERVICE:
            if getattr(route, key):
                yield key, f"{key} is for routes to one service: {others}"


def cors_methods(route: Route) -> Iterator[tuple[str, str]]:
    """Pages of other origins may use methods that the route answers."""
    served = {*route.methods, *(["HEAD"] if "GET" in route.methods else [])}
    if route.cors and (unserved := sorted(set(route.cors.methods or ()) - served)):
        yield "cors", f"cors: methods has {', '.join(unserved)}, which the route does not answer"


def caching(route: Route) -> Iterator[tuple[str, str]]:
    """Only responses that are the same for many are cached, and only those are collapsed."""
    if route.cache and "GET" not in route.methods:
        yield "cache", "cache is for GET, which the route does not answer"
    if route.collapse and not route.cache:
        yield "collapse", "collapse shares responses between callers: cache = {} says which may be shared"
    if route.cache and any(choice.weight for choice in route.split or ()):
        yield "cache", "cache stores one response for all: it goes with a split by header, not by weight"


def idempotent_methods(route: Route) -> Iterator[tuple[str, str]]:
    """An `Idempotency-Key` is for methods that change something."""
    if route.idempotency and not set(route.methods) - SAFE_METHODS:
        yield "idempotency", "idempotency is for methods that change something: GET and HEAD do not"


def time_of_tries(route: Route) -> Iterator[tuple[str, str]]:
    """A try leaves time for another one."""
    if route.retry and route.retry.per_try_timeout and route.retry.per_try_timeout >= route.timeout:
        message = "per_try_timeout is no shorter than timeout, so that no time is left for another try"
        yield "retry", f"retry: {message}"


def websocket_keys(route: Route) -> Iterator[tuple[str, str]]:
    """A WebSocket begins with a GET, and has no single response."""
    if route.websocket is None:
        return
    if "GET" not in route.methods:
        yield "websocket", "websocket needs GET among the methods: a handshake is one"
    for key in FOR_ONE_RESPONSE:
        if getattr(route, key):
            yield key, f"websocket does not go with {key}, which is about single responses"


CHECKS: Final[tuple[Check, ...]] = (
    unique_routes,
    known_services,
    one_target,
    aggregates,
    session_section,
    websocket_services,
    each_route(identified_caller),
    each_route(protected_resources),
    each_route(passed_credentials),
    each_route(targets),
    each_route(one_service),
    each_route(faults_of_files),
    each_route(cors_methods),
    each_route(caching),
    each_route(idempotent_methods),
    each_route(time_of_tries),
    each_route(websocket_keys),
)


def _unknown_service(key: str, name: str, services: Iterable[str]) -> str:
    return f"{key} names the service {name!r}, which the table does not have{nearest(name, services)}"


def _url_of(service: object) -> object:
    return service.get("url") if isinstance(service, dict) else None


def _names(target: Target | None) -> set[str]:
    return set(target.path.names) if target and target.path else set()


def other_targets(route: Route) -> Iterator[tuple[str, Target]]:
    """Where a route leads beside `to`, by the key that says so."""
    if route.mirror:
        yield "mirror", route.mirror.to
    for choice in route.split or ():
        yield "split", choice.to
