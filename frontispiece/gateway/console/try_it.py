"""One request to a route of this gateway, as anybody or as a demo user."""

import asyncio
import re
import secrets
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, Final

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field

from frontispiece.gateway.config.route import Auth
from frontispiece.gateway.console.request import ConsoleRequest, json_reply
from frontispiece.http.client import new_client
from frontispiece.http.messages import Reply
from frontispiece.http.problems import Problem
from frontispiece.login import flow
from frontispiece.login.config import Login
from frontispiece.telemetry import redaction

if TYPE_CHECKING:
    from frontispiece.gateway.console.app import Console

MAX_BODY: Final = 256 << 10
"""Bytes of a request's body, and of a response's that are shown."""

TIMEOUT: Final = 20.0
"""Seconds until a response that goes on, such as a stream of events, is cut off."""

CONNECTION_HEADERS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "expect"}
    | {"keep-alive", "proxy-connection", "traceparent", "tracestate"}
)
_TARGET: Final = re.compile(r"/[\x21-\x22\x24-\x7e]*")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class TryIt(BaseModel):
    """What the console may try: `front up` says it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: str = Field(description="This gateway's own, where requests go.")
    users: tuple[str, ...] = Field((), description="Demo users.")
    password: str | None = Field(None, repr=False, description="The password of all of them.")
    login: Login | None = Field(None, description="How they log in.")


class Attempt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request that somebody wants to see.

    Args:
        route: the `id` of the route, which says how a user logs in.
        method: the HTTP method.
        target: path and query, percent-encoded.
        headers: names and values.
        body: as text.
        user: a demo user; None for nobody.
    """

    route: str
    method: Annotated[str, msgspec.Meta(pattern="^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$")]
    target: Annotated[str, msgspec.Meta(max_length=8000)]
    headers: Annotated[list[tuple[str, str]], msgspec.Meta(max_length=50)] = []
    body: str = ""
    user: str | None = None


async def users(console: "Console", _request: ConsoleRequest) -> Reply:
    """The demo users.

    Raises:
        Problem: 404 `try-it-off`.
    """
    settings = _settings(console)
    return json_reply({"users": settings.users if settings.login else ()})


async def try_it(console: "Console", request: ConsoleRequest) -> Reply:
    """Send a request, and show the response and the id of its trace; each is recorded among the actions.

    Raises:
        Problem: 404 `try-it-off` or `no-route`, 405, 413 or 422: it is not sent; 502 `login-failed`; 504
            `no-response`.
    """
    settings = _settings(console)
    attempt = _attempt(await request.read(MAX_BODY))
    path = attempt.target.partition("?")[0]
    action = f"try {attempt.method} {redaction.path(path)} as {redaction.word(attempt.user or 'nobody')}"
    try:
        shown = await _sent(console, settings, attempt)
    except Problem as problem:
        console.audit.add(request.client_ip, action, problem.status, str(problem))
        raise
    console.audit.add(request.client_ip, action, shown["status"], f"trace {shown['trace_id']}")
    return json_reply(shown)


async def _sent(console: "Console", settings: TryIt, attempt: Attempt) -> dict[str, Any]:
    snapshot = console.gateway.snapshot
    route = next((each for each in snapshot.table.routes if each.id == attempt.route), None)
    if route is None:
        raise Problem(404, "no-route", "The table has no such route.")
    _check(attempt)
    host = httpx.URL(settings.origin).netloc
    snapshot.match(attempt.method, attempt.target.partition("?")[0].encode(), [(b"host", host)])
    headers = [*attempt.headers, *await _credentials(settings, attempt.user, route.auth)]
    trace_id = secrets.token_hex(16)
    headers.append(("traceparent", f"00-{trace_id}-{secrets.token_hex(8)}-01"))
    url = httpx.URL(settings.origin).copy_with(raw_path=attempt.target.encode())
    begun = monotonic()
    async with new_client(timeout=TIMEOUT) as http:
        request = http.build_request(
            attempt.method, url, headers=headers, content=attempt.body.encode() or None
        )
        try:
            async with asyncio.timeout(TIMEOUT):
                response = await http.send(request, stream=True)
        except (httpx.TransportError, TimeoutError) as error:
            raise Problem(
                504, "no-response", f"The gateway gives no response: {error or 'timeout'}."
            ) from None
        body, is_cut = await _read(response)
    return {
        "status": response.status_code,
        "headers": response.headers.multi_items(),
        "body": _text(body, response),
        "is_cut": is_cut,
        "ms": round((monotonic() - begun) * 1000, 1),
        "trace_id": trace_id,
    }


async def _read(response: httpx.Response) -> tuple[bytes, bool]:
    """The body, and whether it is cut off: it is long, it goes on, or it broke off."""
    body = bytearray()
    try:
        async with asyncio.timeout(TIMEOUT):
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BODY:
                    return bytes(body[:MAX_BODY]), True
    except (httpx.HTTPError, TimeoutError):
        return bytes(body), True
    finally:
        await response.aclose()
    return bytes(body), False


def _text(body: bytes, response: httpx.Response) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        kind = response.headers.get("content-type", "unknown")
        return f"({len(body)} bytes of {kind})"


async def _credentials(settings: TryIt, user: str | None, auth: Auth) -> list[tuple[str, str]]:
    if user is None:
        return []
    if user not in settings.users or settings.login is None or settings.password is None:
        raise Problem(422, "user-unknown", f"This is none of the demo users: {', '.join(settings.users)}.")
    session = auth is Auth.SESSION
    try:
        return await asyncio.to_thread(
            flow.login_headers, settings.origin, settings.login, user, settings.password, session=session
        )
    except flow.LoginFailed as failure:
        raise Problem(502, "login-failed", str(failure)) from None


def _check(attempt: Attempt) -> None:
    if not _TARGET.fullmatch(attempt.target) or attempt.target.startswith("//"):
        raise _invalid("A target is a path of this gateway and maybe a query, percent-encoded.")
    for name, value in attempt.headers:
        if name.lower() in CONNECTION_HEADERS or not _HEADER_NAME.fullmatch(name):
            raise _invalid(f"The header {redaction.word(name)} cannot be tried.")
        if not (value.isascii() and value.isprintable()):
            raise _invalid(f"The value of {name} is not printable ASCII.")


def _attempt(body: bytes) -> Attempt:
    try:
        return msgspec.json.decode(body, type=Attempt)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _invalid(f"{error}.") from None


def _invalid(detail: str) -> Problem:
    return Problem(422, "attempt-invalid", detail)


def _settings(console: "Console") -> TryIt:
    if console.tries is None:
        raise Problem(404, "try-it-off", "Requests are not tried here: see GATEWAY_CONSOLE_TRY_IT.")
    return console.tries


ENDPOINTS: Final = {("GET", "/console/api/try"): users, ("POST", "/console/api/try"): try_it}
"""By method and path."""
