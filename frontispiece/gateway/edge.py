"""The gateway: requests in, responses out. Failures become problem+json only here."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

from frontispiece.errors import ConfigError
from frontispiece.gateway import health
from frontispiece.gateway.admin import AdminApp, AdminSettings
from frontispiece.gateway.call import Call
from frontispiece.gateway.config.route import NATIVE
from frontispiece.gateway.config.table import Table
from frontispiece.gateway.console.panel import PANEL_NAME, Panel
from frontispiece.gateway.console.panels import clients_panel
from frontispiece.gateway.observability.tracing import correlate
from frontispiece.gateway.policies.cache.store import HttpCache
from frontispiece.gateway.policies.websocket.downstream import ClientSocket, handle_websocket
from frontispiece.gateway.refusals import reported
from frontispiece.gateway.reload import Reloader, WatchedFile, watching
from frontispiece.gateway.request_limits import CLOSING, HeaderLimits
from frontispiece.gateway.runtime import Runtime
from frontispiece.gateway.snapshot import RoutingSnapshot
from frontispiece.http.asgi import Receive, Scope, Send, problem_response, respond_over_asgi
from frontispiece.http.client_version import CLIENT
from frontispiece.http.headers import SAFE_METHODS
from frontispiece.http.messages import HeaderSection, IncomingRequest
from frontispiece.http.problems import Problem, internal
from frontispiece.http.request_id import REQUEST_ID, TRACEPARENT, request_id
from frontispiece.upstream import ClientDisconnected, Headers, LifespanFailed, Reply, UpstreamError
from frontispiece.upstream.outcome import when_released

ServeRequest = Callable[[IncomingRequest, ClientSocket | None], Coroutine[Any, Any, Reply]]
"""Responds to a request, which may be the handshake of a WebSocket."""

log = logging.getLogger(__name__)

DRAIN_TIMEOUT: Final = 600.0
"""Seconds that a replaced table stays open for its running calls, such as streams."""

LAST_CALLS_TIMEOUT: Final = 1.0
"""Seconds that calls have to end at shutdown: the server has waited for them before."""


class Gateway:
    """Serves a route table, which a reload replaces: to the server by `respond`, to others as an ASGI app.

    Args:
        table: the route table.
        runtime: the state of the process, whichever table is served.
        limits: of the size of request headers.
    """

    def __init__(self, table: Table, runtime: Runtime, limits: HeaderLimits | None = None) -> None:
        self.runtime = runtime
        self._limits = limits or HeaderLimits()
        log = runtime.access_log
        self._respond: ServeRequest = log.wrap(self._serve) if log else self._serve
        native = partial(self._serve, native=True)
        self._decide: ServeRequest = log.wrap(native) if log else native
        self.snapshot = RoutingSnapshot(table, runtime)
        """The snapshot for new calls."""
        self.reloader: Reloader | None = None
        """Reloads the table; None without `enable_reload`."""
        self._file: WatchedFile | None = None
        self.panels: dict[str, Panel] = {}
        """Tabs of the console, by their names."""
        self.add_panel(clients_panel(runtime.client_usage))
        self.retiring: dict[asyncio.Task[None], RoutingSnapshot] = {}
        """Replaced snapshots that still have calls, by the task that waits for these."""
        self._stopping = False

    def enable_reload(
        self, load: Callable[[], Table], file: WatchedFile | None = None, *, watch_files: bool = False
    ) -> None:
        """Make tables reloadable; called before the gateway starts.

        Args:
            load: reads and checks the table; called in a thread.
            file: watched for changes; None for no watching.
            watch_files: whether the files of routes are watched with it.
        """
        if file and watch_files:
            served = [release.signature for release in self.snapshot.table.releases]
            file.watch_files(
                lambda: [release.source.signature() for release in self.snapshot.table.releases], served
            )
        self.reloader = Reloader(load, self.serve_table)
        self.runtime.metrics.registry.register(self.reloader.reloads)
        self._file = file

    def add_panel(self, panel: Panel) -> None:
        """Add a tab to the console; called before the gateway starts.

        Raises:
            ValueError: there is one of this name, or the name is not of letters, digits and hyphens.
        """
        if panel.name in self.panels or not PANEL_NAME.fullmatch(panel.name):
            raise ValueError(f"{panel.name!r} is no name for a further panel of the console")
        self.panels[panel.name] = panel

    @property
    def cache(self) -> HttpCache | None:
        """The response cache; None until a table caches."""
        return self.snapshot.resources.cache

    async def serve_table(self, table: Table) -> bool:
        """Serve this table to new calls; running calls finish with theirs. Not to be called concurrently.

        Returns:
            whether it differs from the previous table.

        Raises:
            ConfigError: a service has no address; the previous table stays in force.
            LifespanFailed: a mounted app does not start; the same.
        """
        previous = self.snapshot
        if table == previous.table:
            return False
        snapshot = RoutingSnapshot(table, self.runtime, previous)
        await snapshot.start()
        if data_plane := self.runtime.data_plane:
            try:
                await data_plane.follow(snapshot)
            except (OSError, ConfigError):  # nothing of a table is served that Envoy does not know
                await snapshot.retire(0)
                raise
        self.snapshot = snapshot
        previous.drain_websockets(snapshot)
        self._retire(previous, DRAIN_TIMEOUT)
        return True

    def _retire(self, snapshot: RoutingSnapshot, within: float) -> None:
        async def retire() -> None:
            if left := await snapshot.retire(within):
                log.warning("%d calls of a replaced table have not ended in time", left)

        task = asyncio.create_task(retire())
        self.retiring[task] = snapshot
        task.add_done_callback(self.retiring.pop)

    def admin_app(self, settings: AdminSettings | None = None) -> AdminApp:
        """The ASGI app for the admin port."""
        return AdminApp(self, settings or AdminSettings())

    def passes_websocket(self, scope: Scope) -> bool:
        """Whether the server may upgrade a request to a WebSocket; else it stays a plain request."""
        return self.snapshot.passes_websocket(scope)

    def refusal_headers(self, target: bytes, headers: Headers) -> Headers:
        """The headers that a refusal by the server has: those of the routes at its path.

        Args:
            target: of the request, as far as it has been read.
            headers: the same.
        """
        return self.snapshot.response_headers("", target.partition(b"?")[0], headers, "http")

    def reload_on_sighup(self) -> None:
        """Reload the table."""
        if self.reloader is not None:
            self.reloader.reload_soon("SIGHUP")

    def begin_drain(self) -> None:
        """Become unready, and close connections after their next response; all else goes on."""
        self._stopping = True
        log.info("the gateway drains: it is not ready any more")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one lifespan or one request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await respond_over_asgi(self.respond, scope, receive, send)
        elif scope["type"] == "websocket":
            await handle_websocket(self._respond, scope, receive, send)
        else:
            raise RuntimeError(f"The gateway does not speak {scope['type']}.")

    def respond(self, request: IncomingRequest) -> Coroutine[Any, Any, Reply]:
        """The response to a request; the server cancels the coroutine when the client disconnects.

        Raises:
            ClientDisconnected: the client went away before its body was complete.
        """
        return self._respond(request, None)

    def decide(self, request: IncomingRequest) -> Coroutine[Any, Any, Reply]:
        """The decision about a native gRPC call: see `frontispiece.gateway.grpc.decisions`."""
        return self._decide(request, None)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            await receive()
            try:
                await stack.enter_async_context(self.runtime)
                await self.snapshot.start()
                if data_plane := self.runtime.data_plane:
                    await data_plane.follow(self.snapshot)
                    await stack.enter_async_context(data_plane.following(lambda: self.snapshot))
                stack.push_async_callback(self._end)
                await stack.enter_async_context(self.runtime.background_work())
            except LifespanFailed as fault:
                await send({"type": "lifespan.startup.failed", "message": str(fault)})
                return
            if self.reloader:
                await stack.enter_async_context(watching(self.reloader, self._file))
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _end(self) -> None:
        """Close every table."""
        self._retire(self.snapshot, LAST_CALLS_TIMEOUT)
        retiring = dict(self.retiring)
        await asyncio.wait(retiring, timeout=LAST_CALLS_TIMEOUT)
        for snapshot in retiring.values():
            snapshot.stop_waiting()
        await asyncio.gather(*retiring)

    async def _serve(
        self, request: IncomingRequest, socket: ClientSocket | None, *, native: bool = False
    ) -> Reply:
        headers = request.headers
        section = headers if isinstance(headers, HeaderSection) else HeaderSection(headers)
        fields = section.by_name
        name = request_id(fields.get(REQUEST_ID))
        response_headers: Headers = []
        snapshot = self.snapshot.__enter__()
        service = ""
        try:
            client_ip, scheme = snapshot.proxies.client(request.client_ip, request.scheme, section)
            request.client_ip = client_ip  # for the access log
            path, _, query = request.target.partition(b"?")
            if path in health.PATHS and request.method in SAFE_METHODS:
                response_headers += snapshot.response_headers(request.method, path, [], scheme)
                reply = await health.check(path, snapshot.health_checks, stopping=self._stopping)
            else:
                try:
                    headers = self._limits.checked(request, section)
                    method = NATIVE if native else request.method
                    match = snapshot.match(method, path, request.headers, native=native)
                except Problem:
                    response_headers += snapshot.response_headers(
                        request.method, path, request.headers, scheme
                    )
                    raise
                service = match.target.service
                client = fields.get(CLIENT)
                call = Call(
                    params=match.params,
                    method=request.method,
                    query=query,
                    headers=headers,
                    body=request.body,
                    request_id=name,
                    scheme=scheme,
                    client_ip=client_ip,
                    client=None if client is None else self.runtime.clients.identify(client),
                    response_headers=response_headers,
                    send_interim=request.send_interim,
                    lease=snapshot,
                    socket=socket,
                )
                correlate(call, fields.get(TRACEPARENT), self.runtime.tracing)
                reply = await match.target.handler(call)
        except BaseException as failure:
            if isinstance(failure, ClientDisconnected) or not isinstance(failure, Exception):
                snapshot.end_call()
                raise
            reply = problem_response(_problem_of(failure, name.decode(), service), name)
        reply.headers = [*reply.headers, *response_headers, (REQUEST_ID, name)]
        if self._stopping:
            reply.headers.append(CLOSING)
        if isinstance(reply.body, bytes):
            snapshot.end_call()
        else:
            reply.body = reported(reply.body, name)
            when_released(reply, snapshot.end_call)
        return reply


def _problem_of(failure: Exception, name: str, service: str) -> Problem:
    """The problem that a client gets for a failure; of a bug of ours it learns no more."""
    if isinstance(failure, Problem):
        return failure
    if isinstance(failure, UpstreamError):
        log.warning("request %s: %s: %s", name, service, failure)
        return failure.problem(service)
    log.error("request %s failed", name, exc_info=failure)
    return internal(name)
