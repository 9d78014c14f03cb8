"""What a gateway serves of one route table: its routes, its services, and the calls under way."""

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Self

from pydantic import BaseModel

from frontispiece.gateway.config.route import NATIVE, Route
from frontispiece.gateway.config.table import Table
from frontispiece.gateway.docs.config import IN_DEVELOPMENT
from frontispiece.gateway.docs.endpoints import endpoints
from frontispiece.gateway.files.site import without_slash
from frontispiece.gateway.forwarded import TrustedProxies
from frontispiece.gateway.matching import RouteEntry, RouteMatcher
from frontispiece.gateway.pipeline import handler, layers, preflight, redirect, session_endpoint
from frontispiece.gateway.policies import cors, protected_resource
from frontispiece.gateway.policies.websocket import handler as websocket
from frontispiece.gateway.refusals import RefusalHeaders, headers_of_refusal
from frontispiece.gateway.resources import TableResources
from frontispiece.gateway.runtime import Runtime
from frontispiece.http.asgi import Scope
from frontispiece.http.authority import host_name
from frontispiece.http.paths import AmbiguousPath, Template, segments_of
from frontispiece.http.problems import Problem
from frontispiece.http.router import Match, MethodNotAllowed, Pattern, RouteNotFound
from frontispiece.upstream import Headers, Upstream, field

MAX_KNOWN_PATHS, MAX_KNOWN_PATH = 4096, 256
"""Paths whose routes are remembered, and the bytes of the longest with its `Host`."""

Key = tuple[str | None, tuple[str, ...], Template]
"""Identifies a route in a table: its host, methods and path."""


class RoutingSnapshot:
    """One table as it is served: made without I/O, used from `start` until it is retired and idle.

    What did not change since the previous table goes on: services with their connections, sessions, and the
    handlers of routes with the state of their layers, such as what is left of a limit. Entered (`with`) by
    each call: until the call ends, streams included, nothing of the snapshot is closed.

    Raises:
        ConfigError: a service has no address, or a mounted app cannot be made.
    """

    def __init__(self, table: Table, runtime: Runtime, previous: Self | None = None) -> None:
        self.table = table
        self.resources: TableResources = TableResources(
            table, runtime, previous.resources if previous else None
        )
        self.health_checks = {
            name: partial(self.upstreams[name].is_ready, path)
            for name in table.needed
            if (path := table.services[name].readiness_path)
        }
        """Whether each service that readiness depends on is ready."""
        self._unrouted = RefusalHeaders(security=table.security_headers)
        """The headers of refusals at paths without a route."""
        self.native_routes = [route for route in table.routes if route.is_native]
        self.proxies = TrustedProxies(table.edge)
        self.entries = dict(self._build_entries(previous))
        patterns = [
            (Pattern(template=template, methods=methods, host=host), entry)
            for (host, methods, template), entry in self.entries.items()
        ]
        self._matcher = RouteMatcher(each for each in patterns if NATIVE not in each[0].methods)
        self._native = RouteMatcher(each for each in patterns if NATIVE in each[0].methods)
        """Of the calls that Envoy carries: at a public port nothing answers at their paths."""
        self._found: dict[tuple[bool, str, bytes, bytes], Match[RouteEntry]] = {}
        """The routes of paths that were asked for: by `native`, method, path and `Host`."""
        self.calls = 0
        """Calls under way."""
        self._retired = False
        self._idle = asyncio.Event()
        """Set once this is retired and has no calls, or those it has are not waited for any more."""

    @property
    def upstreams(self) -> Mapping[str, Upstream]:
        """Every service of the table, by name."""
        return self.resources.upstreams

    def match(self, method: str, path: bytes, headers: Headers, *, native: bool = False) -> Match[RouteEntry]:
        """The route of a request, or of the call that a preflight asks about.

        Args:
            method: of the request.
            path: of its target, percent-encoded.
            headers: of the request.
            native: whether it is a gRPC call that Envoy carries.

        Raises:
            Problem: 400, 404 or 405: there is none.
        """
        authority = field(headers, b"host") or b""
        key = native, method, path, authority
        if (known := self._found.get(key)) is not None:
            return known
        host = host_name(authority)
        requested = cors.requested_method(headers) if method == "OPTIONS" else None
        try:
            segments = segments_of(path)
            if requested is not None:
                with suppress(MethodNotAllowed):  # a route may answer OPTIONS itself
                    found = self._matcher.match(requested, host, segments)
                    if found.target.preflight is not None:
                        return Match(replace(found.target, handler=found.target.preflight), found.params)
            found = (self._native if native else self._matcher).match(method, host, segments)
        except AmbiguousPath as fault:
            raise Problem(400, "path-ambiguous", f"The path is refused: {fault}.") from None
        except RouteNotFound:
            raise Problem(404, "no-route", "Nothing is served at this path.") from None
        except MethodNotAllowed as fault:
            raise fault.problem() from None
        if found.target.site is None and method != "OPTIONS" and len(path + authority) <= MAX_KNOWN_PATH:
            if len(self._found) >= MAX_KNOWN_PATHS:
                self._found.clear()
            self._found[key] = found
        return found

    def response_headers(self, method: str, path: bytes, headers: Headers, scheme: str) -> Headers:
        """The CORS and security headers of a response that no layer has seen, by the routes at its path.

        A preflight gets no CORS headers: it was refused.

        Args:
            method: of the request; empty where it is not known.
            path: of its target, percent-encoded.
            headers: of the request, as far as they have been read.
            scheme: `http` or `https`, as the client spoke.
        """
        try:
            segments = segments_of(path)
        except AmbiguousPath:  # refused whatever its route; pages of that may see why
            segments = path.decode("latin-1")[1:].split("/")
        routes = self._matcher.entries_at(method, host_name(field(headers, b"host") or b""), segments)
        if cors.requested_method(headers) is not None:
            headers = []
        at_path = [entry.refusal for entry in routes] or [self._unrouted]
        return headers_of_refusal(at_path, headers, secure=scheme == "https")

    def passes_websocket(self, scope: Scope) -> bool:
        """Whether the route of a WebSocket handshake passes WebSockets."""
        try:
            match = self.match(scope["method"], scope["raw_path"], scope["headers"])
        except Problem:  # the handshake is answered with it, as any other request is
            return False
        return match.target.websockets is not None

    async def start(self) -> None:
        """Compress the files of routes, and open what the previous snapshot had not opened.

        Raises:
            LifespanFailed: a mounted app does not start; nothing is left open.
        """
        sites = {entry.site for entry in self.entries.values() if entry.site}
        await asyncio.gather(*(asyncio.to_thread(site.compress) for site in sites))
        await self.resources.open()

    async def retire(self, within: float) -> int:
        """Close the snapshot once its last call has ended, or after so many seconds.

        Returns:
            how many calls are left then; only what no other snapshot uses is closed under them.
        """
        self._retired = True
        if self.calls:
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._idle.wait()
        left = self.calls
        await self.resources.close()
        return left

    def layers_of(self, route: Route) -> tuple[str, ...]:
        """The names of the layers that a call on this route passes, from the outside in."""
        return self.entries[_key(route)].layers

    def drain_websockets(self, next_snapshot: Self) -> None:
        """Close the WebSockets of routes that are not the same in the next snapshot."""
        stay = {entry.websockets for entry in next_snapshot.entries.values()}
        for gone in {entry.websockets for entry in self.entries.values() if entry.websockets} - stay:
            gone.drain()

    def stop_waiting(self) -> None:
        """Let `retire` close the snapshot even if calls are under way."""
        self._idle.set()

    def __enter__(self) -> Self:
        self.calls += 1
        return self

    def __exit__(self, *_exc: object) -> None:
        self.end_call()

    def end_call(self) -> None:
        """A call has ended that entered the snapshot."""
        self.calls -= 1
        if self._retired and not self.calls:
            self._idle.set()

    def _build_entries(self, previous: Self | None) -> Iterator[tuple[Key, RouteEntry]]:
        resources = self.resources
        if previous and not resources.has_same_context(previous.resources):
            previous = None
        services = self.table.services.keys()
        unchanged = {_key(route): route for route in previous.table.routes} if previous else {}
        for route in self.table.routes:
            key = _key(route)
            if (
                previous
                and unchanged.get(key) == route
                and resources.has_same_upstreams(set(_names_in(route)) & services, previous.resources)
            ):
                yield key, previous.entries[key]
                continue
            yield key, self._entry(route)
        yield from self._session_entries(previous)
        yield from self._redirects()
        for route, template, answer in protected_resource.endpoints(resources):
            refusal = RefusalHeaders.of(route, self.table.security_headers)
            yield (route.host, ("GET",), template), RouteEntry(answer, "the gateway", refusal)
        docs = self.table.docs or (IN_DEVELOPMENT if resources.runtime.docs else None)
        for template, answer in endpoints(resources, docs):
            yield (None, ("GET",), template), RouteEntry(answer, "the gateway", self._unrouted)

    def _redirects(self) -> Iterator[tuple[Key, RouteEntry]]:
        """What answers at `/m` where files are at `/m/`, unless a route does."""
        taken = {(route.host, route.template.shape) for route in self.table.routes if "GET" in route.methods}
        for route in self.table.routes:
            path = without_slash(route)
            if path and (route.host, path.shape) not in taken:
                entry = RouteEntry(
                    redirect(route, self.resources),
                    "files",
                    RefusalHeaders.of(route, self.table.security_headers),
                )
                yield (route.host, ("GET",), path), entry

    def _entry(self, route: Route) -> RouteEntry:
        resources = self.resources
        websockets = websocket.for_route(route, resources)
        site = resources.runtime.sites.of(route)
        around = layers(route, resources)
        return RouteEntry(
            handler(route, resources, around, websockets, site),
            route.to.service if route.to else "a part",  # parts name theirs in their problems
            RefusalHeaders.of(route, self.table.security_headers),
            preflight(route, resources),
            websockets,
            site,
            tuple(dict.fromkeys(name for name, _ in around)),
        )

    def _session_entries(self, previous: Self | None) -> Iterator[tuple[Key, RouteEntry]]:
        session, sessions = self.table.session, self.resources.sessions
        if session is None or sessions is None:
            return
        for endpoint in sessions.endpoints:
            path = session.path + endpoint.suffix
            key = None, (endpoint.method,), Template.parse(path)
            if previous:
                yield key, previous.entries[key]
            else:
                answers = session_endpoint(endpoint, session, self.resources)
                yield key, RouteEntry(answers, "the issuer", self._unrouted)


def _key(route: Route) -> Key:
    return route.host, route.methods, route.template


def _names_in(value: object) -> Iterator[str]:
    """Every text within a value up to its first colon, as services are written: rather one too many."""
    if isinstance(value, str):
        yield value.partition(":")[0]
    elif isinstance(value, BaseModel):
        yield from _names_in([getattr(value, name) for name in type(value).model_fields])
    elif isinstance(value, Mapping):
        yield from _names_in([*value, *value.values()])
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _names_in(each)
    elif dataclasses.is_dataclass(value):
        yield from _names_in([getattr(value, each.name) for each in dataclasses.fields(value)])
