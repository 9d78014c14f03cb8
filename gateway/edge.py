"""The ASGI edge: calls in, replies out; failures become problem+json here and nowhere deeper."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from gateway import health, table
from gateway.access import AccessLog
from gateway.access.log import Exchange
from gateway.admin import AdminSettings, admin_app
from gateway.asgi import Incoming, send_reply, told, unless_left
from gateway.cache import HttpCache
from gateway.cache.directives import http_date
from gateway.cache.settings import CacheSettings
from gateway.commons import Commons
from gateway.forward import end_to_end
from gateway.head import CLOSING, HeadLimits
from gateway.lag import LoopLag
from gateway.layers.metrics import Metrics
from gateway.load import Load
from gateway.oidc import Provider
from gateway.pipeline import Call, Reply
from gateway.reload import Reloader, WatchedFile, watching
from gateway.resilience import Resilience
from gateway.serving import Serving
from gateway.session import SessionSettings
from gateway.shared.server import OFF
from gateway.tools import Tools
from gateway.upstream import ClientLeft, Headers, LifespanFailed, UpstreamError, field
from gateway.websocket.client import SOCKET, upgraded
from kit import telemetry
from kit.asgi import App, Receive, Scope, Send
from kit.problems import Problem, internal
from kit.settings import Directory
from kit.tokens import Signer
from kit.trace import request_id

log = logging.getLogger(__name__)

DRAINS_WITHIN = 600.0
"""Seconds that a table which no longer serves is kept for calls that came to it, such as open streams."""

LAST_CALLS = 1.0
"""Seconds that calls have to end when the gateway does: its server has waited for them already."""


class Gateway:
    """An ASGI app that serves a route table, and another one when it is told to.

    Args:
        routes: the table.
        directory: the addresses of services.
        signer: signs the tokens by which services know on whose behalf they are called.
        provider: the issuer whose tokens prove who is calling; None when the table never asks.
        session: how sessions are kept; needed by a table that has them.
        caching: how much is kept of answers, and where else.
        explains: whether clients may see how an aggregate is joined: not for the public.
        access_log: has a line for every request; None for none.
        valkey_url: what it has in common with other gateways is there; needed by a table that shares.
        load: from how much on calls are refused; None to refuse none.
        head: how long the head of a request may be.
    """

    tells_date = True
    """Whoever serves it does not add the time of its own: a kept answer has an older one."""

    def __init__(
        self,
        routes: table.Table,
        directory: Directory,
        *,
        signer: Signer,
        provider: Provider | None = None,
        session: SessionSettings | None = None,
        caching: CacheSettings | None = None,
        explains: bool = False,
        access_log: AccessLog | None = None,
        valkey_url: str = OFF,
        load: Load | None = None,
        head: HeadLimits | None = None,
    ) -> None:
        self._head = head or HeadLimits()
        self.metrics = Metrics()
        self._cache = (caching or CacheSettings()).open()
        self.metrics.registry.register(self._cache)
        self.signer = signer
        self._tracing = telemetry.tracing("gateway")
        self._lag = LoopLag()
        self.metrics.registry.register(self._lag)
        self._access_log = access_log
        self._serve: Exchange = self._http
        if access_log:
            self.metrics.registry.register(access_log)
            self._serve = access_log.around(self._http)
        self._commons = Commons(valkey_url)
        self._resilience = Resilience(load)
        self._resilience.register(self.metrics.registry)
        self._tools = Tools(
            directory=directory,
            signer=signer,
            metrics=self.metrics,
            provider=provider,
            session=session,
            cache=self._cache,
            commons=self._commons,
            resilience=self._resilience,
            explains=explains,
            tracing=self._tracing,
            access_log=access_log,
        )
        self.serving = Serving(routes, self._tools)
        """What new calls come to."""
        self.reloader: Reloader | None = None
        """Reads the table anew, if there is a place to read it from."""
        self._file: WatchedFile | None = None
        self._retiring: dict[asyncio.Task[None], Serving] = {}
        self._stopping = False

    def read_anew(self, load: Callable[[], table.Table], file: WatchedFile | None = None) -> None:
        """Have a `reloader`; said before the gateway starts.

        Args:
            load: reads and checks the table; called in a thread.
            file: whose changes are looked for; None looks for none.
        """
        self.reloader = Reloader(load, self.serve_table)
        self.metrics.registry.register(self.reloader.counted)
        self._file = file

    @property
    def cache(self) -> HttpCache | None:
        """What keeps answers; None while no table has asked for any to be kept."""
        return self.serving.means.cache

    @property
    def retiring(self) -> list[Serving]:
        """What has served before and still has calls."""
        return [*self._retiring.values()]

    async def serve_table(self, routes: table.Table) -> bool:
        """Let new calls come to this table; those under way keep the one that they came to.

        One at a time: the `reloader` sees to that.

        Returns:
            whether it is another table than before.

        Raises:
            Faulty: a service has no address; the table before goes on to serve.
            LifespanFailed: a mounted app does not start; the same.
        """
        before = self.serving
        if routes == before.table:
            return False
        following = Serving(routes, self._tools, before)
        await following.start()
        self.serving = following
        before.make_way(following)
        self._retire(before, DRAINS_WITHIN)
        return True

    def _retire(self, serving: Serving, within: float) -> None:
        async def retire() -> None:
            if left := await serving.retire(within):
                log.warning("%d calls that came to a table of before have not ended in time", left)

        task = asyncio.create_task(retire())
        self._retiring[task] = serving
        task.add_done_callback(self._retiring.pop)

    def admin_app(self, settings: AdminSettings | None = None) -> App:
        """What this gateway's admin port serves."""
        return admin_app(self, settings or AdminSettings())

    def passes_websocket(self, scope: Scope) -> bool:
        """Whether whoever serves this is to let a request change to a WebSocket; else it stays one."""
        return self.serving.passes_websocket(scope)

    def hang_up(self) -> None:
        """SIGHUP: read the table anew."""
        if self.reloader is not None:
            self.reloader.reload_soon("SIGHUP")

    def begin_stop(self) -> None:
        """Be ready no more, and have connections closed after their next answer; all else goes on."""
        self._stopping = True
        log.info("the gateway stops: it is not ready any more")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one lifespan or one request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await upgraded(self._serve, scope, receive, send)
        else:
            raise RuntimeError(f"The gateway does not speak {scope['type']}.")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, unless its client leaves first: then all that is done for it is cancelled."""
        incoming = Incoming(scope["headers"], receive)
        with self.serving as serving:
            await unless_left(self._answer(serving, scope, incoming, send), incoming.client_left)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            await receive()
            try:
                if self._tracing:
                    await stack.enter_async_context(self._tracing)
                await stack.enter_async_context(self._lag)
                if self._access_log:
                    await stack.enter_async_context(self._access_log)
                if self._tools.provider:
                    await stack.enter_async_context(self._tools.provider)
                await self.serving.start()
                stack.push_async_callback(self._end)
                # What follows has work that needs the services: it ends, or is cancelled, before they close.
                await stack.enter_async_context(self._cache)
                await stack.enter_async_context(self._commons)
                await stack.enter_async_context(self._resilience)
            except LifespanFailed as fault:
                await send({"type": "lifespan.startup.failed", "message": str(fault)})
                return
            if self.reloader:
                await stack.enter_async_context(watching(self.reloader, self._file))
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _end(self) -> None:
        """Let go of every table."""
        self._retire(self.serving, LAST_CALLS)
        retiring = dict(self._retiring)
        await asyncio.wait(retiring, timeout=LAST_CALLS)
        for serving in retiring.values():
            serving.hurry()
        await asyncio.gather(*retiring)

    async def _answer(self, serving: Serving, scope: Scope, incoming: Incoming, send: Send) -> None:
        name = request_id(field(scope["headers"], b"x-request-id"))
        also: Headers = []
        try:
            reply = await self._reply(serving, scope, incoming, name, also)
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
        if self._stopping:
            reply.headers.append(CLOSING)
        if reply.header(b"date") is None:
            reply.headers.append((b"date", http_date(time.time())))
        async with reply:
            try:
                await send_reply(reply, send)
            except (UpstreamError, Problem) as failure:  # too late to be told: the connection is closed
                log.warning("request %s: the answer broke off: %s", name.decode(), failure)

    async def _reply(
        self, serving: Serving, scope: Scope, incoming: Incoming, name: bytes, also: Headers
    ) -> Reply:
        peer, scheme = serving.proxies.seen_through(scope)
        also += serving.unrouted.get(scheme, ())
        if (check := health.CHECKS.get(scope["path"])) and scope["method"] in {"GET", "HEAD"}:
            if self._stopping and check is health.ready:
                raise health.stopping()
            reply = await check(serving.needed)
            reply.headers.append((b"x-request-id", name))
            return reply
        fields = self._head.fields_of(scope)
        match = serving.match(scope)
        also.clear()  # what else the client is told is the route's business
        call = Call(
            params=match.params,
            method=scope["method"],
            query=scope["query_string"],
            headers=end_to_end(fields),
            body=incoming.body,
            request_id=name,
            scheme=scheme,
            peer=peer,
            told=also,
            holds=serving,
            socket=scope.get(SOCKET),
        )
        try:
            return await match.goal.handler(call)
        except UpstreamError as failure:
            log.warning("request %s: %s: %s", name.decode(), match.goal.service, failure)
            raise failure.problem(match.goal.service) from failure
