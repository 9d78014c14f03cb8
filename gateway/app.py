"""The ASGI edge: calls in, replies out; failures become problem+json here and nowhere deeper."""

import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

from gateway import health, table
from gateway.admin import admin_app
from gateway.asgi import Incoming, send_reply, told, unless_left
from gateway.behalf import Behalf
from gateway.forward import end_to_end
from gateway.head import HeadLimits
from gateway.layers import cors
from gateway.layers.metrics import Metrics
from gateway.match import Match, Matcher, NoRoute, Pattern, WrongMethod
from gateway.oidc import AccessTokens, Provider
from gateway.page import PageApp
from gateway.path import AmbiguousPath, Template, segments_of
from gateway.pipeline import Call, Handler, Means, Reply, handler, preflight, session_layers, wrap
from gateway.policies.security_headers import SecurityHeaders
from gateway.session import Sessions, SessionSettings
from gateway.settings import GatewaySettings, faults_between
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
from kit.settings import Directory
from kit.tokens import Signer
from kit.trace import request_id

__all__ = ["Gateway", "GatewaySettings", "create_app"]

log = logging.getLogger(__name__)


def create_app(settings: GatewaySettings | None = None) -> "Gateway":
    """The gateway with the route table that the settings name.

    Raises:
        Faulty: the settings or the table cannot serve, or not together.
    """
    settings = settings or GatewaySettings()
    routes = table.load(settings.routes)
    if faults := list(faults_between(routes, settings)):
        raise Faulty(faults)
    return Gateway(
        routes,
        settings.directory,
        signer=Signer(settings.signing_key, "gateway"),
        provider=_provider(settings),
        session=settings.session,
        explains=settings.explain,
        head=HeadLimits(fields=settings.max_header_fields, size=settings.max_header_bytes),
    )


def _provider(settings: GatewaySettings) -> Provider | None:
    if not settings.issuer.is_on:
        return None
    session = settings.session
    return Provider(settings.issuer, client_id=session.client_id, client_secret=session.client_secret)


@dataclass(frozen=True, slots=True)
class Served:
    """All that answers a call on a route, the service that it asks, and what answers preflights of calls."""

    handler: Handler
    service: str
    preflight: Handler | None = None


class Gateway:
    """An ASGI app that serves one route table.

    Args:
        routes: the table.
        directory: the addresses of services.
        signer: signs the tokens by which services know on whose behalf they are called.
        provider: the issuer whose tokens prove who is calling; None when the table never asks.
        session: how sessions are kept; needed by a table that has them.
        explains: whether clients may see how an aggregate is joined: not for the public.
        head: how long the head of a request may be.
    """

    def __init__(
        self,
        routes: table.Table,
        directory: Directory,
        *,
        signer: Signer,
        provider: Provider | None = None,
        session: SessionSettings | None = None,
        explains: bool = False,
        head: HeadLimits | None = None,
    ) -> None:
        self._head = head or HeadLimits()
        self.metrics = Metrics()
        upstreams = _upstreams(routes, directory)
        self._upstreams = {name: self.metrics.watched(upstream) for name, upstream in upstreams.items()}
        for upstream in upstreams.values():
            if isinstance(upstream.app, PageApp):
                for page, program in upstream.app.programs:
                    self.metrics.look_at(page, program)
        behalf = Behalf(signer, routes.audiences)
        self._provider = provider
        self._sessions = self._sessions_of(routes, behalf, session)
        means = Means(
            upstreams=self._upstreams,
            behalf=behalf,
            metrics=self.metrics,
            access=self._access(),
            sessions=self._sessions,
            explains=explains,
            security_headers=routes.security_headers,
        )
        self._unrouted = _unrouted(routes.security_headers)
        self._matcher = Matcher([*_routes(routes, means), *_session_endpoints(routes, means)])

    def _sessions_of(
        self, routes: table.Table, behalf: Behalf, settings: SessionSettings | None
    ) -> Sessions | None:
        if routes.session is None or settings is None or self._provider is None:
            return None
        return Sessions(
            settings,
            routes.session,
            provider=self._provider,
            authorization=behalf.authorization,
            upstreams=self._upstreams,
        )

    def _access(self) -> AccessTokens | None:
        """Verifies bearer tokens; those of a login that ended in a browser end with it."""
        if self._provider is None:
            return None
        revoked = self._sessions.revoked if self._sessions else None
        access = self._provider.access_tokens(revoked)
        if revoked is not None:
            revoked.tell(lambda sid, subject: access.drop(sid=sid, subject=subject))
        return access

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
                if self._provider:
                    await stack.enter_async_context(self._provider)
                if self._sessions:
                    await stack.enter_async_context(self._sessions)
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
            except (UpstreamError, Problem) as failure:  # too late to be told: the connection is closed
                log.warning("request %s: the answer broke off: %s", name.decode(), failure)

    async def _reply(self, scope: Scope, incoming: Incoming, name: bytes, also: Headers) -> Reply:
        also += self._unrouted.get(scope["scheme"], ())
        if (check := health.CHECKS.get(scope["path"])) and scope["method"] in {"GET", "HEAD"}:
            reply = await check(self._upstreams)
            reply.headers.append((b"x-request-id", name))
            return reply
        fields = self._head.fields_of(scope)
        match = self._match(scope)
        also.clear()  # what else the client is told is the route's business
        call = Call(
            params=match.params,
            method=scope["method"],
            query=scope["query_string"],
            headers=end_to_end(fields),
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
        host = (field(scope["headers"], b"host") or b"").decode("latin-1").partition(":")[0].lower()
        asked = cors.method_asked(scope["headers"]) if scope["method"] == "OPTIONS" else None
        try:
            segments = segments_of(scope["raw_path"])
            if asked is not None:
                found = self._matcher.match(asked, host, segments)
                if found.goal.preflight is not None:
                    return Match(Served(found.goal.preflight, found.goal.service), found.params)
            return self._matcher.match(scope["method"], host, segments)
        except AmbiguousPath as fault:
            raise Problem(400, "path-ambiguous", f"The path is refused: {fault}.") from None
        except NoRoute:
            raise Problem(404, "no-route", "Nothing is served at this path.") from None
        except WrongMethod as fault:
            allow = {"Allow": ", ".join(fault.allowed)}
            raise Problem(405, "method-not-allowed", f"This path answers {fault}.", headers=allow) from None


def _routes(routes: table.Table, means: Means) -> Iterator[tuple[Pattern, Served]]:
    for route in routes.routes:
        pattern = Pattern(template=route.template, methods=route.methods, host=route.host)
        service = route.to.service if route.to else "a part"  # parts tell their failures themselves
        yield pattern, Served(handler(route, means), service, preflight(route, means))


def _unrouted(policy: SecurityHeaders | None) -> dict[str, Headers]:
    """What is told with answers of no route, by the scheme that the client speaks."""
    return {scheme: policy.fields(secure=scheme == "https") for scheme in ("http", "https")} if policy else {}


def _session_endpoints(routes: table.Table, means: Means) -> Iterator[tuple[Pattern, Served]]:
    if routes.session is None or means.sessions is None:
        return
    for endpoint in means.sessions.endpoints:
        path = routes.session.path + endpoint.suffix
        pattern = Pattern(template=Template.parse(path), methods=(endpoint.method,))
        around = session_layers(path, routes.session, means)
        yield pattern, Served(wrap(endpoint.handler, around), "the issuer")


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
