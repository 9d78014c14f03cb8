"""An ASGI app of pages: what a BFF is."""

import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import FastAPI
from starlette.routing import Match

from frontispiece import telemetry
from frontispiece.http.asgi import Receive, Scope, Send, problem_response, respond_over_asgi
from frontispiece.http.messages import IncomingRequest
from frontispiece.http.paths import AmbiguousPath, Template, decode_segment, segments_of
from frontispiece.http.problems import Problem, internal
from frontispiece.http.router import Matcher, MethodNotAllowed, Pattern, RouteNotFound
from frontispiece.http.timeout_header import TIMEOUT_HEADER, seconds_of
from frontispiece.pages.api import ApiEndpoint
from frontispiece.pages.compiled import CompiledPage
from frontispiece.pages.endpoint import Endpoint, SkipOptional
from frontispiece.pages.openapi import describe
from frontispiece.pages.page import Page
from frontispiece.pages.plan import Plan, plans
from frontispiece.pages.request import Identify, PageRequest, Provider, by_name
from frontispiece.security import Verifier
from frontispiece.service.app import (
    ONLY_OUR_ENDPOINTS,
    Check,
    Lifespan,
    add_description,
    add_health,
    add_problem_handlers,
    with_tracing,
)
from frontispiece.service.openapi import complete
from frontispiece.stores.valkey import BestEffortValkey
from frontispiece.upstream import ClientDisconnected, Context, Headers, Reply, Request, field, now
from frontispiece.upstream.client import UpstreamConnector

log = logging.getLogger(__name__)

NO_QUERY: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})

MATCHED_PATHS: Final = 1024
"""Paths whose page is remembered, those used last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PageMatch:
    """The page of a request, its method and its path parameters."""

    endpoint: Endpoint | ApiEndpoint
    method: str
    path: Mapping[str, str]


class PageApp(FastAPI):
    """Serves pages itself, and all else, such as health and OpenAPI, through FastAPI.

    Pages bypass FastAPI, whose own handling of a request takes longer than many a page. They bypass ASGI,
    too: the server calls `respond`, and a gateway in whose process they are mounted `reply`.
    """

    def __init__(
        self, endpoints: Iterable[Endpoint], apis: Iterable[ApiEndpoint] = (), **described: Any
    ) -> None:
        self._endpoints = list(endpoints)
        self.apis = list(apis)
        """What it serves beside its pages."""
        every: list[Endpoint | ApiEndpoint] = [*self._endpoints, *self.apis]
        self._matcher: Matcher[Endpoint | ApiEndpoint] = Matcher(
            (Pattern(template=Template.parse(each.path), methods=each.methods), each) for each in every
        )
        self._match = lru_cache(MATCHED_PATHS)(self._find)
        self.has_websockets = any(api.websocket is not None for api in self.apis)
        """Whether it has a path at which WebSockets are served."""
        self.passes_websocket = self._passes_websocket if self.has_websockets else None
        """Whether a request may become a WebSocket, for the server; None when none may."""
        self.services: Mapping[str, UpstreamConnector | None] = {}
        """What its pages call, by name; None where that cannot be observed."""
        super().__init__(**ONLY_OUR_ENDPOINTS, **described)

    @property
    def plans(self) -> list[Plan]:
        """The plan of every page."""
        return [endpoint.plan for endpoint in self._endpoints]

    @property
    def compiled_pages(self) -> list[tuple[str, CompiledPage]]:
        """Every page as it runs, by a name that is unique among all apps, such as `bff-web:/home`."""
        return [(f"{self.title}:{e.plan.page.path}", e.compiled) for e in self._endpoints]

    def skip_optional_when(self, overloaded: SkipOptional) -> None:
        """Ask this before each page: while it says so, fallbacks replace optional sources, which do not run.

        Such a page is degraded with the reason `overloaded`. Cached results are served, stale ones as well,
        and not refreshed. The latest call counts.
        """
        for endpoint in self._endpoints:
            endpoint.skip_optional = overloaded
        for api in self.apis:
            api.skip_optional = overloaded

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, with the pages in it."""
        if self.openapi_schema is None:
            self.openapi_schema = describe(complete(self, super().openapi()), self.plans)
        return self.openapi_schema

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; when its client disconnects, all sources of the page are cancelled."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        match = self._match(scope["method"], scope["raw_path"]) if scope["type"] == "http" else None
        if match is None:
            await super().__call__(scope, receive, send)
            return

        def respond(request: IncomingRequest) -> Coroutine[Any, Any, Reply]:
            return self._reply(match, request.headers, scope["query_string"], request.body)

        await respond_over_asgi(respond, scope, receive, send)

    def _passes_websocket(self, scope: Scope) -> bool:
        match = self._match("GET", scope["raw_path"])
        return isinstance(match, PageMatch) and match.endpoint.websocket is not None

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = self._match("GET", scope["raw_path"])
        serve = match.endpoint.websocket if isinstance(match, PageMatch) else None
        if not isinstance(match, PageMatch) or serve is None:
            await super().__call__(scope, receive, send)
            return
        request = _page_request(match, scope["headers"], scope["query_string"])
        await serve(request, scope, receive, send)

    async def respond(self, request: IncomingRequest) -> Reply | None:
        """The response to a request of a client; None when the path is not one of a page."""
        path, _, query = request.target.partition(b"?")
        match = self._match(request.method, path)
        return None if match is None else await self._reply(match, request.headers, query, request.body)

    def reply(self, request: Request) -> Coroutine[Any, Any, Reply] | None:
        """The response to a request of this process; None when the path is not one of a page."""
        path, _, query = request.target.partition("?")
        match = self._match(request.method, path.encode("latin-1"))  # to the byte, as over a socket
        if match is None:
            return None
        return self._reply(match, request.headers, query.encode("latin-1"), request.body)

    def serves(self, method: str, path: str) -> bool:
        """Whether a request of this method and path reaches a page, or another endpoint of the app."""
        if isinstance(self._find(method, path.encode()), PageMatch):
            return True
        scope = {"type": "http", "method": method, "path": path}
        return any(route.matches(scope)[0] is Match.FULL for route in self.routes)

    def _find(self, method: str, raw_path: bytes) -> PageMatch | Problem | None:
        """The page for a method and path, or why there is none; None when the path is not one of a page."""
        try:
            match = self._matcher.match(method, "", segments_of(raw_path))
            path = {name: "/".join(map(decode_segment, values)) for name, values in match.params.items()}
            return PageMatch(endpoint=match.target, method=method, path=MappingProxyType(path))
        except RouteNotFound:
            return None
        except AmbiguousPath as fault:
            return Problem(400, "path-ambiguous", f"The path is refused: {fault}.")
        except MethodNotAllowed as fault:
            return fault.problem()

    async def _reply(
        self, match: PageMatch | Problem, headers: Headers, query: bytes, body: bytes | AsyncIterator[bytes]
    ) -> Reply:
        """The page's response; a `Problem` becomes one here."""
        if isinstance(match, Problem):
            return problem_response(match, field(headers, b"x-request-id"))
        try:
            return await match.endpoint.reply(_page_request(match, headers, query), body)
        except Problem as problem:
            return problem_response(problem, field(headers, b"x-request-id"))
        except ClientDisconnected:
            raise
        except Exception:  # a bug: the client gets its request id, and nothing of the inside
            log.exception("A page failed")
            name = field(headers, b"x-request-id")
            return problem_response(internal(name.decode("latin-1") if name else None), name)


def create_app(
    *,
    title: str,
    description: str,
    pages: Iterable[Page],
    providers: Mapping[Any, Provider],
    lifespan: Lifespan,
    ready: Check,
    shared: BestEffortValkey | None = None,
    expose_timeline: bool = False,
    identify: Identify | None = None,
    verifier: Verifier | None = None,
    apis: Callable[[Sequence[Endpoint]], Iterable[ApiEndpoint]] = lambda _pages: (),
) -> PageApp:
    """An app that serves pages and describes them in its OpenAPI document. `bff` makes one of settings.

    Args:
        title: the app's name.
        description: one sentence for the OpenAPI document.
        pages: what it serves.
        providers: make a value of each type that sources may ask for, for one request.
        lifespan: opens what the providers use, and closes it.
        ready: returns when everything the pages need is ready; raises when not.
        shared: the cache that processes share, None without one.
        expose_timeline: whether clients may request timelines: not for the public.
        identify: adds the caller to requests; None where all callers are anonymous.
        verifier: verifies who reads the OpenAPI document; None where everybody may.
        apis: makes what it serves beside its pages, of these.

    Raises:
        ConfigError: some page cannot work; every error is listed.
    """
    new_endpoint: Callable[..., Endpoint] = Endpoint
    if (tracing := telemetry.tracing(title)) is not None:
        from frontispiece.pages.tracing import TracedEndpoint, trace_api  # noqa: PLC0415 (only where traces are exported)

        new_endpoint = partial(TracedEndpoint, tracing)
    endpoints = [
        new_endpoint(
            plan, providers, app=title, shared=shared, expose_timeline=expose_timeline, identify=identify
        )
        for plan in plans(pages, providers, title)
    ]
    served = list(apis(endpoints))
    if tracing is not None:
        for api in served:
            trace_api(tracing, api)

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app):
            try:
                yield
            finally:
                for page in (
                    *(each.compiled for each in endpoints),
                    *(page for api in served for page in api.pages),
                ):
                    await page.close()

    app = PageApp(
        endpoints, served, title=title, description=description, lifespan=with_tracing(living, tracing)
    )
    add_problem_handlers(app)
    add_health(app, ready)
    add_description(app, verifier)
    return app


def _page_request(match: PageMatch, headers: Headers, query: bytes) -> PageRequest:
    fields = by_name(headers)
    timeout = match.endpoint.deadline
    if (value := fields.get(TIMEOUT_HEADER)) is not None and (requested := seconds_of(value)) is not None:
        timeout = min(timeout, requested)
    return PageRequest(
        headers=headers,
        fields=fields,
        path=match.path,
        query=parse_qs(query.decode("latin-1"), keep_blank_values=True) if query else NO_QUERY,
        context=Context.of(headers, now() + timeout),
        method=match.method,
    )
