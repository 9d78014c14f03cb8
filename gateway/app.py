"""The ASGI edge: calls in, replies out; failures become problem+json here and nowhere deeper."""

import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from gateway import health, table
from gateway.admin import AdminSettings, admin_app
from gateway.asgi import Incoming, send_reply, told, unless_left
from gateway.forward import end_to_end
from gateway.layers.metrics import Metrics
from gateway.match import Match, Matcher, NoRoute, Pattern, WrongMethod
from gateway.page import PageApp
from gateway.path import AmbiguousPath, segments_of
from gateway.pipeline import Call, Handler, Reply, handler
from gateway.upstream import (
    ClientLeft,
    Headers,
    LifespanFailed,
    Upstream,
    UpstreamError,
    field,
    open_upstream,
)
from kit.asgi import App, Receive, Scope, Send
from kit.faults import Faulty
from kit.problems import Problem, internal
from kit.settings import Directory, Settings, TokenSettings
from kit.tokens import Verifier
from kit.trace import request_id

log = logging.getLogger(__name__)

MAX_TARGET = 16 * 1024
"""The longest path and query in bytes, together."""


class GatewaySettings(Settings):
    """The gateway's settings."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    routes: Path = Field(Path("routes.toml"), description="The route table.")
    explain: bool = Field(False, description="Whether clients may see how an aggregate is joined.")
    directory: Directory = Field(default_factory=Directory)
    tokens: TokenSettings = Field(default_factory=TokenSettings)
    operation: AdminSettings = Field(default_factory=AdminSettings)


def create_app(settings: GatewaySettings | None = None) -> "Gateway":
    """The gateway with the route table that the settings name.

    Raises:
        Faulty: the settings or the table cannot serve, or a service of the table has no address.
    """
    settings = settings or GatewaySettings()
    routes, verifier = table.load(settings.routes), Verifier(settings.tokens)
    return Gateway(routes, settings.directory, verifier, explains=settings.explain)


@dataclass(frozen=True, slots=True)
class Served:
    """All that answers a call on a route, and the service that it asks."""

    handler: Handler
    service: str


class Gateway:
    """An ASGI app that serves one route table.

    Args:
        routes: the table.
        directory: the addresses of services.
        verifier: tells true tokens from false ones.
        explains: whether clients may see how an aggregate is joined: not for the public.
    """

    def __init__(
        self, routes: table.Table, directory: Directory, verifier: Verifier, *, explains: bool = False
    ) -> None:
        self.metrics = Metrics()
        self._explains = explains
        upstreams = _upstreams(routes, directory)
        self._upstreams = {name: self.metrics.watched(upstream) for name, upstream in upstreams.items()}
        for upstream in upstreams.values():
            if isinstance(upstream.app, PageApp):
                for page, program in upstream.app.programs:
                    self.metrics.look_at(page, program)
        self._matcher = Matcher((_pattern(route), self._served(route, verifier)) for route in routes.routes)

    def _served(self, route: table.Route, verifier: Verifier) -> Served:
        service = route.to.service if route.to else "a part"  # parts tell their failures themselves
        answers = handler(route, self._upstreams, verifier, self.metrics, explains=self._explains)
        return Served(answers, service)

    def admin_app(self) -> App:
        """What this gateway's admin port serves."""
        return admin_app(self.metrics.registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one lifespan or one request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._exchange(scope, receive, send)
        else:
            raise RuntimeError(f"The gateway does not speak {scope['type']}.")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            await receive()
            try:
                for upstream in self._upstreams.values():
                    await stack.enter_async_context(upstream)
            except LifespanFailed as fault:
                await send({"type": "lifespan.startup.failed", "message": str(fault)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, unless its client leaves first: then all that is done for it is cancelled."""
        incoming = Incoming(scope["headers"], receive)
        await unless_left(self._answer(scope, incoming, send), incoming.client_left)

    async def _answer(self, scope: Scope, incoming: Incoming, send: Send) -> None:
        name = request_id(field(scope["headers"], b"x-request-id"))
        also: Headers = []
        try:
            reply = await self._reply(scope, incoming, name, also)
        except Problem as problem:
            reply = told(problem, name)
            reply.headers.append((b"x-request-id", name))
        except ClientLeft:
            return
        except Exception:  # a bug of ours, of which the client is told that it happened
            log.exception("request %s failed", name.decode())
            reply = told(internal(name.decode()), name)
            reply.headers.append((b"x-request-id", name))
        reply.headers = [*reply.headers, *also]
        async with reply:
            try:
                await send_reply(reply, send)
            except UpstreamError as failure:  # too late for a problem: the connection is closed instead
                log.warning("request %s: the answer broke off: %s", name.decode(), failure)

    async def _reply(self, scope: Scope, incoming: Incoming, name: bytes, also: Headers) -> Reply:
        if (check := health.CHECKS.get(scope["path"])) and scope["method"] in {"GET", "HEAD"}:
            reply = await check(self._upstreams)
            reply.headers.append((b"x-request-id", name))
            return reply
        match = self._match(scope)
        call = Call(
            params=match.params,
            method=scope["method"],
            query=scope["query_string"],
            headers=end_to_end(scope["headers"]),
            body=incoming.body,
            request_id=name,
            scheme=scope["scheme"],
            peer=scope["client"][0] if scope["client"] else "unknown",
            told=also,
        )
        try:
            return await match.goal.handler(call)
        except UpstreamError as failure:
            log.warning("request %s: %s: %s", name.decode(), match.goal.service, failure)
            raise failure.problem(match.goal.service) from failure

    def _match(self, scope: Scope) -> Match[Served]:
        if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
            raise Problem(414, "uri-too-long", f"Path and query have at most {MAX_TARGET} bytes.")
        host = (field(scope["headers"], b"host") or b"").decode("latin-1").partition(":")[0].lower()
        try:
            return self._matcher.match(scope["method"], host, segments_of(scope["raw_path"]))
        except AmbiguousPath as fault:
            raise Problem(400, "path-ambiguous", f"The path is refused: {fault}.") from None
        except NoRoute:
            raise Problem(404, "no-route", "Nothing is served at this path.") from None
        except WrongMethod as fault:
            allow = {"Allow": ", ".join(fault.allowed)}
            raise Problem(405, "method-not-allowed", f"This path answers {fault}.", headers=allow) from None


def _pattern(route: table.Route) -> Pattern:
    return Pattern(template=route.template, methods=route.methods, host=route.host)


def _upstreams(routes: table.Table, directory: Directory) -> dict[str, Upstream]:
    upstreams = {}
    faults = []
    for name, service in routes.services.items():
        try:
            upstreams[name] = open_upstream(
                name,
                service.url,
                directory,
                health=service.health,
                breaker=service.breaker,
                concurrency=service.concurrency,
            )
        except (LookupError, Faulty) as fault:
            faults.append(f"services: {name}: {fault}")
    if faults:
        raise Faulty(faults)
    return upstreams
