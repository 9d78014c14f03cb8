"""An app of pages: what a BFF is."""

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from fastapi import FastAPI

from gateway.asgi import Incoming, send_reply, told, unless_left
from gateway.match import Match, Matcher, NoRoute, Pattern, WrongMethod
from gateway.page.declare import Page
from gateway.page.endpoint import Endpoint
from gateway.page.graph import Plan, plans
from gateway.page.inbound import Inbound, Provider
from gateway.page.openapi import describe
from gateway.page.program import Program
from gateway.page.shared_cache import SharedStore
from gateway.path import AmbiguousPath, Template, segments_of
from gateway.upstream import ClientLeft, Context, Headers, Reply, Request, field, now
from kit import telemetry
from kit.asgi import Receive, Scope, Send
from kit.problems import Problem, internal
from kit.service import Check, Lifespan, add_health, answer_with_problems, traced
from kit.timing import TIMEOUT_HEADER, seconds_of

if TYPE_CHECKING:
    from kit.tracing.core import Tracing

log = logging.getLogger(__name__)

Served = Match[Endpoint]


class PageApp(FastAPI):
    """Pages, in front of what FastAPI answers: their description, and health.

    Pages do not pass through FastAPI, whose own handling of a request takes longer than many a page. Mounted
    in the gateway's process they do not pass through ASGI either: see `reply`.
    """

    def __init__(self, endpoints: Iterable[Endpoint], **described: Any) -> None:
        self._endpoints = list(endpoints)
        self._matcher = Matcher((_pattern(endpoint.plan.page), endpoint) for endpoint in self._endpoints)
        super().__init__(redirect_slashes=False, **described)

    @property
    def plans(self) -> list[Plan]:
        """What every page consists of."""
        return [endpoint.plan for endpoint in self._endpoints]

    @property
    def programs(self) -> list[tuple[str, Program]]:
        """Every page as it runs, with its name among those of all apps, such as `bff-web:/home`."""
        return [(f"{self.title}:{e.plan.page.path}", e.program) for e in self._endpoints]

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, with the pages in it."""
        if self.openapi_schema is None:
            self.openapi_schema = describe(super().openapi(), self.plans)
        return self.openapi_schema

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a page, unless its client leaves first: then all its sources are cancelled."""
        served = self._served(scope["method"], scope["raw_path"]) if scope["type"] == "http" else None
        if served is None:
            await super().__call__(scope, receive, send)
            return
        incoming = Incoming(scope["headers"], receive)
        await unless_left(self._exchange(served, scope, incoming, send), incoming.client_left)

    async def reply(self, request: Request) -> Reply | None:
        """The answer to a request out of this process; None when no page is asked for."""
        path, _, query = request.target.partition("?")
        served = self._served(request.method, path.encode("latin-1"))  # to the byte, as over a socket
        if served is None:
            return None
        return await self._reply(served, request.headers, query.encode("latin-1"), request.body)

    def _served(self, method: str, raw_path: bytes) -> Served | Problem | None:
        """The page that is asked for, or why there is none; None when the path is not one of a page."""
        try:
            return self._matcher.match(method, "", segments_of(raw_path))
        except NoRoute:
            return None
        except AmbiguousPath as fault:
            return Problem(400, "path-ambiguous", f"The path is refused: {fault}.")
        except WrongMethod as fault:
            allow = {"Allow": ", ".join(fault.allowed)}
            return Problem(405, "method-not-allowed", f"This path answers {fault}.", headers=allow)

    async def _exchange(self, served: Served | Problem, scope: Scope, incoming: Incoming, send: Send) -> None:
        try:
            reply = await self._reply(served, scope["headers"], scope["query_string"], incoming.body)
        except ClientLeft:
            return
        async with reply:
            await send_reply(reply, send)

    async def _reply(
        self, served: Served | Problem, headers: Headers, query: bytes, body: bytes | AsyncIterator[bytes]
    ) -> Reply:
        """The page's answer; failures are problems here, as they are in every app."""
        if isinstance(served, Problem):
            return told(served, field(headers, b"x-request-id"))
        try:
            return await served.goal.reply(_inbound(served, headers, query), body)
        except Problem as problem:
            return told(problem, field(headers, b"x-request-id"))
        except ClientLeft:
            raise
        except Exception:  # a bug of ours, of which the client is told that it happened
            log.exception("A page failed")
            name = field(headers, b"x-request-id")
            return told(internal(name.decode("latin-1") if name else None), name)


def create_app(
    *,
    title: str,
    description: str,
    pages: Iterable[Page],
    providers: Mapping[Any, Provider],
    lifespan: Lifespan,
    ready: Check,
    shared: SharedStore | None = None,
    explains: bool = False,
) -> PageApp:
    """An app that serves pages, described in its OpenAPI document.

    Args:
        title: the app's name.
        description: one sentence for the OpenAPI document.
        pages: what it serves.
        providers: how each type that sources may ask for is made for one request.
        lifespan: opens what the providers use, and closes it.
        ready: returns when everything the pages need answers; raises when not.
        shared: where results of sources are kept for all processes, None when nowhere.
        explains: whether clients may see what a page does inside (`timeline`): not for the public.

    Raises:
        Faulty: some page cannot work; every fault is named.
    """
    tracing = telemetry.tracing(title)
    endpoints = [
        _endpoint(tracing, plan, providers, app=title, shared=shared, explains=explains)
        for plan in plans(pages, providers)
    ]

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app):
            try:
                yield
            finally:
                for endpoint in endpoints:
                    await endpoint.program.close()

    app = PageApp(endpoints, title=title, description=description, lifespan=traced(living, tracing))
    answer_with_problems(app)
    add_health(app, ready)
    return app


def _endpoint(tracing: "Tracing | None", *arguments: Any, **options: Any) -> Endpoint:
    if tracing is None:
        return Endpoint(*arguments, **options)
    from gateway.page.traced import TracedEndpoint  # noqa: PLC0415 (only where traces are asked for)

    return TracedEndpoint(*arguments, **options).watched_by(tracing)


def _pattern(page: Page) -> Pattern:
    return Pattern(template=Template.parse(page.path), methods=(page.method,))


def _inbound(served: Served, headers: Headers, query: bytes) -> Inbound:
    patience = served.goal.plan.page.deadline
    if (told_patience := seconds_of(field(headers, TIMEOUT_HEADER))) is not None:
        patience = min(patience, told_patience)
    return Inbound(
        headers=headers,
        path={name: "/".join(values) for name, values in served.params.items()},
        query=parse_qs(query.decode("latin-1"), keep_blank_values=True) if query else {},
        context=Context.of(headers, now() + patience),
    )
