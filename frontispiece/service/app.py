"""The HTTP side of a service: problems, health, metrics, OpenAPI."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.registry import Collector
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from frontispiece import telemetry
from frontispiece.http.asgi import App, Message, Receive, Scope, Send
from frontispiece.http.problems import MEDIA_TYPE, Problem, internal
from frontispiece.http.timeout_header import TIMEOUT_HEADER, seconds_of
from frontispiece.security import Verifier
from frontispiece.service.callers import public, require_token
from frontispiece.service.entity_tags import NotModified
from frontispiece.service.openapi import complete, responds

if TYPE_CHECKING:
    from frontispiece.telemetry.spans import Tracing

log = logging.getLogger(__name__)

State = Mapping[str, Any] | None
"""What a lifespan yields for requests, and for the server: see `frontispiece.http.asgi.ADDRESSES`."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[State]]
Check = Callable[[], Awaitable[str | None]]
"""Returns what is missing where that leaves the rest serving, else None; raises where nothing serves."""


ONLY_OUR_ENDPOINTS: Final[dict[str, Any]] = {
    "redirect_slashes": False,
    "openapi_url": None,
    "docs_url": None,
    "redoc_url": None,
}
"""Arguments of a FastAPI app that adds no endpoint itself: its OpenAPI document would be for everybody."""


class Service(FastAPI):
    """An app whose OpenAPI document has all that its endpoints respond."""

    def openapi(self) -> dict[str, Any]:
        """The document; reads may miss their caller's deadline."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(self, super().openapi(), of_reads=[504])
        return self.openapi_schema


async def needs_nothing() -> None:
    """A check that always passes."""


def create_service(
    *,
    title: str,
    description: str,
    lifespan: Lifespan = lambda _app: nullcontext(),
    ready: Check = needs_nothing,
    verifier: Verifier,
) -> FastAPI:
    """An app with problem+json for every failure, `/health/…`, `/metrics` and `/openapi.json`.

    Every other endpoint needs a token for this service, unless it is marked `public`.

    Args:
        title: the service's name.
        description: one sentence for the OpenAPI document.
        lifespan: opens the service's stores and clients, and closes them.
        ready: whether what the service needs is reachable.
        verifier: verifies the callers' tokens.
    """
    app = Service(
        title=title,
        description=description,
        lifespan=with_tracing(lifespan, tracing := telemetry.tracing(title)),
        **ONLY_OUR_ENDPOINTS,
        dependencies=[Depends(require_token)],
    )
    app.state.verifier = verifier
    app.state.tracing = tracing
    app.add_middleware(DeadlineMiddleware)
    app.add_middleware(HeadMiddleware)
    if tracing is not None:
        from frontispiece.telemetry.spans import TracingMiddleware  # noqa: PLC0415 (only with traces)

        app.add_middleware(TracingMiddleware, tracing)
    add_problem_handlers(app)
    add_health(app, ready)
    add_metrics(app)
    add_description(app, verifier)
    return app


def with_tracing(
    lifespan: Lifespan, tracing: "Tracing | None"
) -> Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]:
    """The lifespan with tracing, if there is any, open around it."""

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with tracing or nullcontext(), lifespan(app) as state:
            yield state or {}

    return opened


class HeadMiddleware:
    """Serves HEAD by the endpoint of GET, which FastAPI does not. The server leaves the body out."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app."""
        if scope.get("method") == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


class DeadlineMiddleware:
    """Cancels a read whose caller's deadline has passed: 504, unless its response has begun.

    A write is finished.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app."""
        reads = scope["type"] == "http" and scope["method"] == "GET"
        seconds = seconds_of(dict(scope["headers"]).get(TIMEOUT_HEADER)) if reads else None
        if seconds is None:
            await self._app(scope, receive, send)
            return
        timeout = asyncio.timeout(seconds)

        async def begin(message: Message) -> None:
            if not timeout.expired():
                timeout.reschedule(None)
            await send(message)

        try:
            async with timeout:
                await self._app(scope, receive, begin)
        except TimeoutError:
            if not timeout.expired():
                raise
            problem = Problem(504, "deadline-exceeded", "The caller's deadline has passed.")
            response = _response(Request(scope), problem)  # here, for the exception handlers are inside
            await response(scope, receive, send)


def add_health(app: FastAPI, ready: Check) -> None:
    """Add `/health/live` (the process runs) and `/health/ready`: `ready`, `degraded` or 503, see `Check`."""
    reported = ""

    @app.get("/health/live", tags=["health"])
    @public
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/health/ready", tags=["health"])
    @public
    @responds(503)
    async def is_ready() -> dict[str, str]:
        nonlocal reported
        try:
            missing = await ready()
        except Exception as error:  # whatever the driver of a database or broker raises
            if (reason := str(error)) != reported:  # it is asked several times a second
                log.warning("%s is not ready: %s", app.title, reason)
                reported = reason
            named = {"reason": error.type} if isinstance(error, Problem) else {}
            raise Problem(
                503, "not-ready", f"{app.title} is not ready.", headers={"Retry-After": "1"}, **named
            ) from error
        if missing and missing != reported:
            log.warning("%s serves without: %s", app.title, missing)
        reported = missing or ""
        return {"status": "degraded" if missing else "ready"}


def add_metrics(app: FastAPI) -> None:
    """Add `/metrics` for Prometheus, with what `register_collectors` has registered."""
    app.state.metrics = CollectorRegistry()

    @app.get("/metrics", include_in_schema=False)
    @public
    async def metrics() -> Response:
        return Response(generate_latest(app.state.metrics), media_type=CONTENT_TYPE_LATEST)


def register_collectors(app: FastAPI, *collectors: Collector) -> None:
    """Show what these collect at a service's `/metrics`."""
    for collector in collectors:
        app.state.metrics.register(collector)


def add_description(app: FastAPI, verifier: Verifier | None) -> None:
    """Add `/openapi.json`, for those with a token for this app; without a verifier, for everybody."""

    @app.get("/openapi.json", include_in_schema=False)
    @public
    async def description(request: Request) -> Response:
        if verifier is not None:
            verifier.caller(request.headers.get("authorization"))
        return JSONResponse(app.openapi())


def add_problem_handlers(app: FastAPI) -> None:
    """Respond to every failure of this app with problem+json."""

    async def problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return _response(request, error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [{"at": [str(part) for part in e["loc"]], "message": e["msg"]} for e in error.errors()]
        return _response(request, Problem(422, "invalid-request", "The request does not fit.", errors=errors))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return _response(request, Problem(error.status_code, kind, headers=error.headers))

    async def not_modified(_request: Request, error: Exception) -> Response:
        return Response(status_code=304, headers={"ETag": str(error)})

    async def bug(request: Request, _error: Exception) -> Response:
        return _response(
            request, internal(request.headers.get("x-request-id"))
        )  # the server logs the traceback

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(NotModified, not_modified)
    app.add_exception_handler(Exception, bug)


def _response(request: Request, problem: Problem) -> Response:
    body = problem.body(request.headers.get("x-request-id"))
    return Response(body, problem.status, problem.headers, media_type=MEDIA_TYPE)


def from_state(name: str) -> Any:
    """A dependency: the attribute of `app.state` with this name, such as a store, which may be away (503)."""

    @responds(503)
    async def attribute(request: Request) -> Any:
        return getattr(request.app.state, name)

    return Depends(attribute)


class ResponseBody(BaseModel):
    """The base of a JSON body that is made of an object with attributes of the same names."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, source: object) -> Self:
        """The body of an object."""
        return cls.model_validate(source)
