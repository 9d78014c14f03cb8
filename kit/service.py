"""What every service's HTTP side has: problems, health, OpenAPI, callers, entity tags."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from kit import telemetry
from kit.asgi import App, Message, Receive, Scope, Send
from kit.entity_tags import holds
from kit.problems import MEDIA_TYPE, Problem, internal
from kit.timing import TIMEOUT_HEADER, seconds_of
from kit.tokens import Identity, Verifier

if TYPE_CHECKING:
    from kit.tracing.core import Tracing

log = logging.getLogger(__name__)

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Check = Callable[[], Awaitable[None]]


def create(*, title: str, description: str, lifespan: Lifespan, ready: Check, verifier: Verifier) -> FastAPI:
    """An app whose problems are problem+json and whose health is told at `/health/live` and `/health/ready`.

    Nothing else is answered without a token for this service, unless it is marked `public`.

    Args:
        title: the service's name.
        description: one sentence for the OpenAPI document.
        lifespan: opens what the service keeps, and closes it.
        ready: returns when everything the service needs answers; raises when not.
        verifier: tells who calls.
    """
    app = FastAPI(
        title=title,
        description=description,
        lifespan=traced(lifespan, tracing := telemetry.tracing(title)),
        redirect_slashes=False,
        dependencies=[Depends(_known)],
    )
    app.state.verifier = verifier
    app.state.tracing = tracing
    app.add_middleware(WithinPatience)
    app.add_middleware(HeadAsGet)
    if tracing is not None:
        from kit.tracing.asgi import Traced  # noqa: PLC0415 (only where traces are asked for)

        app.add_middleware(Traced, tracing)
    answer_with_problems(app)
    add_health(app, ready)
    return app


def traced(lifespan: Lifespan, tracing: "Tracing | None") -> Lifespan:
    """The same lifespan, in which traces are told; the same to the letter when there are none."""
    if tracing is None:
        return lifespan

    @asynccontextmanager
    async def told(app: FastAPI) -> AsyncIterator[None]:
        async with tracing, lifespan(app):
            yield

    return told


class HeadAsGet:
    """Answers HEAD wherever GET is answered: FastAPI does not by itself. The server leaves the body out."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        asked = {**scope, "method": "GET"} if scope.get("method") == "HEAD" else scope
        await self._app(asked, receive, send)


class WithinPatience:
    """Gives up a read for which nobody waits any more: 504, unless its answer has begun.

    A write is seen through.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        reads = scope["type"] == "http" and scope["method"] == "GET"
        patience = seconds_of(dict(scope["headers"]).get(TIMEOUT_HEADER)) if reads else None
        if patience is None:
            await self._app(scope, receive, send)
            return
        timeout = asyncio.timeout(patience)

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
            problem = Problem(504, "too-late", "The time that the caller gave is over.")
            answer = _response(Request(scope), problem)  # here: what answers problems is inside of this
            await answer(scope, receive, send)


def add_health(app: FastAPI, ready: Check) -> None:
    """`/health/live` (the process answers) and `/health/ready` (all it needs answers too, else 503)."""

    @app.get("/health/live", tags=["health"])
    @public
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/health/ready", tags=["health"])
    @public
    async def is_ready() -> dict[str, str]:
        try:
            await ready()
        except Exception as fault:  # whatever the database or broker driver raises: not ready, and logged why
            log.warning("%s is not ready: %s", app.title, fault)
            raise Problem(
                503, "not-ready", f"{app.title} is not ready.", headers={"Retry-After": "1"}
            ) from fault
        return {"status": "ready"}


def answer_with_problems(app: FastAPI) -> None:
    """Write every failure of this app down as problem+json."""

    async def known(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        return _response(request, problem)

    async def invalid(request: Request, fault: Exception) -> Response:
        assert isinstance(fault, RequestValidationError)
        errors = [{"at": [str(part) for part in e["loc"]], "message": e["msg"]} for e in fault.errors()]
        return _response(request, Problem(422, "invalid-request", "The request does not fit.", errors=errors))

    async def http(request: Request, fault: Exception) -> Response:
        assert isinstance(fault, HTTPException)
        kind = fault.detail.lower().replace(" ", "-")
        return _response(request, Problem(fault.status_code, kind, headers=fault.headers))

    async def not_modified(_request: Request, fault: Exception) -> Response:
        return Response(status_code=304, headers={"ETag": str(fault)})

    async def bug(request: Request, _fault: Exception) -> Response:
        return _response(
            request, internal(request.headers.get("x-request-id"))
        )  # the server logs the traceback

    app.add_exception_handler(Problem, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(NotModified, not_modified)
    app.add_exception_handler(Exception, bug)


def _response(request: Request, problem: Problem) -> Response:
    body = problem.body(request.headers.get("x-request-id"))
    return Response(body, problem.status, problem.headers, media_type=MEDIA_TYPE)


_bearer = HTTPBearer(auto_error=False, description="The caller's token.")
_PUBLIC = "answers_anybody"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def public(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint that answers anybody, token or none; the mark stands below the route's own line."""
    setattr(endpoint, _PUBLIC, True)
    return endpoint


async def _known(request: Request) -> None:
    """Let nobody pass whom no token names, to what is not public."""
    if not getattr(request.scope["endpoint"], _PUBLIC, False):
        _verified(request, request.headers.get("authorization"))


async def _caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Identity:
    return _verified(request, f"{credentials.scheme} {credentials.credentials}" if credentials else None)


def _verified(request: Request, authorization: str | None) -> Identity:
    verifier: Verifier = request.app.state.verifier
    return verifier.caller(authorization)


Caller = Annotated[Identity, Depends(_caller)]
"""The verified caller; 401 without a true token for this service."""


def scoped(*scopes: str) -> Any:
    """A dependency: the caller must hold one of these scopes, else 403."""

    async def check(caller: Caller) -> Identity:
        if caller.scopes.isdisjoint(scopes):
            wanted = " or ".join(scopes)
            raise Problem(403, "scope-missing", f"This needs the scope {wanted}.", scope=scopes[0])
        return caller

    return Depends(check)


def etag(version: int) -> str:
    """The entity tag of a resource's version."""
    return f'"{version}"'


class NotModified(Exception):
    """The caller already has this version; becomes a 304."""


def tag(request: Request, response: Response, version: int) -> None:
    """Give the answer the entity tag of this version.

    Raises:
        NotModified: the caller's `If-None-Match` shows that it has the version already.
    """
    mine = etag(version)
    if holds(request.headers.get("if-none-match"), mine):
        raise NotModified(mine)
    response.headers["ETag"] = mine


def expected_version(if_match: str | None) -> int:
    """The version a writer has seen, out of its `If-Match`.

    Raises:
        Problem: 428 when it does not say, 412 when it can be no version of ours.
    """
    if if_match is None:
        raise Problem(428, "if-match-missing", "Say with If-Match which version you change.")
    try:
        return int(if_match.strip().strip('"'))
    except ValueError:
        raise Problem(412, "version-outdated", "If-Match names no version of this resource.") from None
