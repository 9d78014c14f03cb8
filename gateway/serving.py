"""All that depends on one route table: a gateway has one at a time, and calls keep the one they came to."""

import asyncio
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel

from gateway import table
from gateway.behalf import Behalf
from gateway.held import Held
from gateway.layers import cors
from gateway.match import Match, Matcher, NoRoute, Pattern, WrongMethod
from gateway.oidc import AccessTokens
from gateway.path import AmbiguousPath, Template, segments_of
from gateway.pipeline import Handler, Means, handler, passage, preflight, session_layers, wrap
from gateway.policies.security_headers import SecurityHeaders
from gateway.proxies import Proxies
from gateway.session import Sessions
from gateway.tools import Tools, opened
from gateway.upstream import Headers, Upstream, field
from gateway.websocket.passage import Passage
from kit.asgi import Scope
from kit.faults import Faulty
from kit.problems import Problem


@dataclass(frozen=True, slots=True)
class Served:
    """All that answers a call on a route, its service, what answers preflights, what passes WebSockets."""

    handler: Handler
    service: str
    preflight: Handler | None = None
    passage: Passage | None = None


class Serving:
    """What one table needs, made without I/O; in use from `start` until it is retired and its last call ends.

    What is the same as in the table before goes on: services with their connections, sessions, and the
    handlers of routes with all that their layers remember, such as what is left of a limit.

    Args:
        routes: the table.
        tools: what does not depend on it.
        before: what serves until now.

    Raises:
        Faulty: a service has no address, or a mounted app cannot be made.
    """

    def __init__(self, routes: table.Table, tools: Tools, before: "Serving | None" = None) -> None:
        self.table = routes
        self._tools = tools
        self.opened = _upstreams(routes, tools, before)
        self.upstreams: Mapping[str, Upstream] = {
            name: upstream.resource for name, upstream in self.opened.items()
        }
        self.needed = {name: self.upstreams[name] for name in routes.needed}
        self.unrouted = _unrouted(routes.security_headers)
        """What is told with answers of no route, by the scheme that the client speaks."""
        self.proxies = Proxies(routes.edge)
        behalf = Behalf(tools.signer, routes.audiences)
        self.sessions, self.access = self._callers(behalf, before)
        self.means = Means(
            upstreams=self.upstreams,
            behalf=behalf,
            metrics=tools.metrics,
            access=self.access,
            sessions=self.sessions.resource if self.sessions else None,
            cache=tools.cache if self._caches(before) else None,
            commons=tools.commons,
            resilience=tools.resilience,
            compressing=tools.compressing,
            security_headers=routes.security_headers,
            explains=tools.explains,
            tracing=tools.tracing,
            access_log=tools.access_log,
        )
        self.goals = dict(self._made(before))
        self.matcher = Matcher([(_pattern(key), served) for key, served in self.goals.items()])
        self._calls = 0
        self._stack = AsyncExitStack()
        self._last = asyncio.Event()
        """Once this is retired: nobody is waited for any more."""
        self._retired = False

    def match(self, scope: Scope) -> Match[Served]:
        """What answers a request, or the preflight of one.

        Raises:
            Problem: 400, 404 or 405: nothing does.
        """
        host = (field(scope["headers"], b"host") or b"").decode("latin-1").partition(":")[0].lower()
        asked = cors.method_asked(scope["headers"]) if scope["method"] == "OPTIONS" else None
        try:
            segments = segments_of(scope["raw_path"])
            if asked is not None:
                found = self.matcher.match(asked, host, segments)
                if found.goal.preflight is not None:
                    return Match(Served(found.goal.preflight, found.goal.service), found.params)
            return self.matcher.match(scope["method"], host, segments)
        except AmbiguousPath as fault:
            raise Problem(400, "path-ambiguous", f"The path is refused: {fault}.") from None
        except NoRoute:
            raise Problem(404, "no-route", "Nothing is served at this path.") from None
        except WrongMethod as fault:
            allow = {"Allow": ", ".join(fault.allowed)}
            raise Problem(405, "method-not-allowed", f"This path answers {fault}.", headers=allow) from None

    def passes_websocket(self, scope: Scope) -> bool:
        """Whether a request that asks for a WebSocket is on a route that has some."""
        try:
            return self.match(scope).goal.passage is not None
        except Problem:  # it will be told to whoever asks, as to all others
            return False

    # How long it is there.

    async def start(self) -> None:
        """Open what was not open yet.

        Raises:
            LifespanFailed: a mounted app does not start; nothing is left open.
        """
        async with AsyncExitStack() as stack:
            for upstream in self.opened.values():
                await stack.enter_async_context(upstream)
            if self.sessions:
                await stack.enter_async_context(self.sessions)
            self._stack = stack.pop_all()

    async def retire(self, within: float) -> int:
        """Let go of everything once the last call has ended, or after so many seconds.

        Returns:
            how many calls are left then; only what nothing else holds is closed under them.
        """
        self._retired = True
        if self._calls:
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._last.wait()
        left = self._calls
        await self._stack.aclose()
        return left

    def make_way(self, following: "Serving") -> None:
        """Have the WebSockets end of all routes that are not the same in the table that follows."""
        stay = {served.passage for served in following.goals.values()}
        for gone in {each.passage for each in self.goals.values() if each.passage} - stay:
            gone.retire()

    def hurry(self) -> None:
        """Wait for no call any more."""
        self._last.set()

    def __enter__(self) -> Self:
        """A call begins: until it ends, streams included, nothing of this is closed."""
        self._calls += 1
        return self

    def __exit__(self, *_exc: object) -> None:
        self._calls -= 1
        if self._retired and not self._calls:
            self._last.set()

    @property
    def calls(self) -> int:
        """How many calls there are at the moment."""
        return self._calls

    # What is made, and what is taken over.

    def _callers(
        self, behalf: Behalf, before: "Serving | None"
    ) -> tuple[Held[Sessions] | None, AccessTokens | None]:
        """Who tells callers apart; both remember who has logged out, and stay while they can."""
        tools = self._tools
        if tools.provider is None:
            return None, None
        if before and self._callers_stay(before):
            return before.sessions, before.access
        sessions = None
        if self.table.session is not None and tools.session is not None:
            made = Sessions(
                tools.session,
                self.table.session,
                provider=tools.provider,
                authorization=behalf.authorization,
                upstreams=self.upstreams,
            )
            if before and before.sessions:
                before.sessions.resource.revoked.tell_all(made.revoked)
            sessions = Held(made)
        revoked = sessions.resource.revoked if sessions else None
        access = tools.provider.access_tokens(revoked)
        if revoked is not None:
            revoked.tell(lambda sid, subject: access.drop(sid=sid, subject=subject))
        return sessions, access

    def _caches(self, before: "Serving | None") -> bool:
        """Whether answers are kept, or were: a later table may find them, without those outdated by then."""
        kept = before is not None and before.means.cache is not None
        return kept or any(route.cache for route in self.table.routes)

    def _callers_stay(self, before: "Serving") -> bool:
        session = self.table.session
        if session != before.table.session:
            return False
        return session is None or self._stay({target.service for target in session.adopt}, before)

    def _means_stay(self, before: "Serving") -> bool:
        """Whether layers would be made with the same, beside services and callers."""
        same_headers = self.table.security_headers == before.table.security_headers
        return same_headers and self.means.cache is before.means.cache

    def _stay(self, services: Iterable[str], before: "Serving") -> bool:
        """Whether these are the same as before."""
        return all(self.opened[name] is before.opened.get(name) for name in services)

    def _made(self, before: "Serving | None") -> Iterator[tuple["Key", Served]]:
        callers_stay = before is not None and self.access is before.access
        means_stay = before is not None and self._means_stay(before)
        old = {_key(route): route for route in before.table.routes} if before else {}
        for route in self.table.routes:
            key = _key(route)
            same = callers_stay and means_stay and old.get(key) == route
            if before and same and self._stay(self._asked(route), before):
                yield key, before.goals[key]
                continue
            service = route.to.service if route.to else "a part"  # parts tell their failures themselves
            sockets = passage(route, self.means)
            answers = handler(route, self.means, sockets)
            yield key, Served(answers, service, preflight(route, self.means), sockets)
        yield from self._session_endpoints(before if callers_stay and means_stay else None)

    def _session_endpoints(self, before: "Serving | None") -> Iterator[tuple["Key", Served]]:
        session, sessions = self.table.session, self.means.sessions
        if session is None or sessions is None:
            return
        for endpoint in sessions.endpoints:
            path = session.path + endpoint.suffix
            key = None, (endpoint.method,), Template.parse(path)
            if before:
                yield key, before.goals[key]
            else:
                around = session_layers(path, session, self.means)
                yield key, Served(wrap(endpoint.handler, around), "the issuer")

    def _asked(self, route: table.Route) -> Iterator[str]:
        """The services that a route leads to, whichever of its keys names them; rather one too many."""
        return (name for name in set(_names_in(route)) if name in self.opened)


def _unrouted(policy: SecurityHeaders | None) -> dict[str, Headers]:
    return {scheme: policy.fields(secure=scheme == "https") for scheme in ("http", "https")} if policy else {}


Key = tuple[str | None, tuple[str, ...], Template]
"""What sets a route apart: its host, methods and path."""


def _key(route: table.Route) -> Key:
    return route.host, route.methods, route.template


def _pattern(key: Key) -> Pattern:
    host, methods, template = key
    return Pattern(template=template, methods=methods, host=host)


def _names_in(value: object) -> Iterator[str]:
    """Every text within, up to a colon: services are written alone or before one."""
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


def _upstreams(routes: table.Table, tools: Tools, before: Serving | None) -> dict[str, Held[Upstream]]:
    upstreams = {}
    faults = []
    for name, service in routes.services.items():
        if before and before.table.services.get(name) == service:
            upstreams[name] = before.opened[name]
            continue
        try:
            upstreams[name] = Held(opened(name, service, tools))
        except (LookupError, Faulty) as fault:
            faults.append(f"services: {name}: {fault}")
    if faults:
        raise Faulty(faults)
    return upstreams
