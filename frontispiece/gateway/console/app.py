"""The console of the admin port: its files, and the endpoints below `/console/`."""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.gateway.console import endpoints, telemetry, try_it
from frontispiece.gateway.console.feed import Feed
from frontispiece.gateway.console.request import ConsoleRequest
from frontispiece.gateway.console.try_it import TryIt
from frontispiece.gateway.files.config import OWN_PAGE_HEADERS
from frontispiece.gateway.files.media_types import media_type_of
from frontispiece.http.headers import SAFE_METHODS
from frontispiece.http.messages import Headers, IncomingRequest, Reply
from frontispiece.http.paths import AmbiguousPath, Template, segments_of
from frontispiece.http.problems import Problem
from frontispiece.http.router import Matcher, MethodNotAllowed, Pattern, RouteNotFound
from frontispiece.settings import Settings

if TYPE_CHECKING:
    from frontispiece.gateway.admin.audit import Audit
    from frontispiece.gateway.edge import Gateway

PAGE: Final = "/console"
STATIC: Final = "/console/static/"
FOLDER: Final = Path(__file__).parent / "static"

HEADERS: Final[Headers] = [*OWN_PAGE_HEADERS, (b"cache-control", b"no-cache")]


def is_file(path: str) -> bool:
    """Whether a path is one of the console's files, or would be one."""
    return path in {PAGE, f"{PAGE}/"} or path.startswith(STATIC)


async def file(method: str, path: str) -> Reply:
    """The file at a path, or a redirect to the page.

    Raises:
        Problem: 404 or 405.
    """
    if method not in SAFE_METHODS:
        raise MethodNotAllowed(SAFE_METHODS).problem()
    if path == f"{PAGE}/":
        return Reply.whole(HTTPStatus.PERMANENT_REDIRECT, b"", [*HEADERS, (b"location", PAGE.encode())])
    return await asyncio.to_thread(_read, "index.html" if path == PAGE else path.removeprefix(STATIC))


def _read(name: str) -> Reply:
    files = {each.relative_to(FOLDER).as_posix(): each for each in FOLDER.rglob("*") if each.is_file()}
    if name not in files:
        raise Problem(404, "no-route", "The console has no such file.")
    headers = [*HEADERS, (b"content-type", media_type_of(name).encode())]
    return Reply.whole(HTTPStatus.OK, files[name].read_bytes(), headers)


class ConsoleSettings(Settings):
    """What the console of the admin port has besides the gateway's own state."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_CONSOLE_")

    store: Path | None = Field(
        None,
        description="The SQLite file of the traces and logs that the console receives by OTLP, 64 MiB at "
        "most; it receives none when left out.",
    )
    try_it: TryIt | None = Field(
        None,
        description="Lets the console send requests to routes, as JSON: `origin`, `users`, `password`, "
        "`login`. For development, where `front up` sets it.",
    )


_MATCHER: Final = Matcher(
    (Pattern(template=Template.parse(path), methods=(method,)), endpoint)
    for (method, path), endpoint in {**endpoints.ENDPOINTS, **telemetry.ENDPOINTS, **try_it.ENDPOINTS}.items()
)


class Console:
    """What the endpoints of the console share."""

    def __init__(self, gateway: "Gateway", settings: ConsoleSettings, audit: "Audit") -> None:
        self.gateway = gateway
        self.audit = audit
        self.feed = Feed(gateway)
        self.telemetry = telemetry.Telemetry(settings.store)
        """Traces and logs."""
        self.tries = settings.try_it
        """What may be tried; None for nothing."""

    def begin_drain(self) -> None:
        """End the streams of watchers: the server stops."""
        self.feed.close()

    async def close(self) -> None:
        """Store the traces and logs that have been received."""
        await self.telemetry.close()

    async def respond(self, request: IncomingRequest) -> Reply:
        """The response to a request below `/console/` whose sender is authenticated.

        Raises:
            Problem: 404, 405, or what the endpoint says.
        """
        path, _, query = request.target.partition(b"?")
        try:
            match = _MATCHER.match(request.method, "", segments_of(path))
        except (AmbiguousPath, RouteNotFound):
            raise Problem(404, "no-route", "The console has no such endpoint.") from None
        except MethodNotAllowed as fault:
            raise fault.problem() from None
        reply = await match.target(
            self,
            ConsoleRequest(
                params={name: "/".join(segments) for name, segments in match.params.items()},
                query=dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)),
                headers=request.headers,
                body=request.body,
                client_ip=request.client_ip or "unknown",
            ),
        )
        if request.method == "HEAD" and not isinstance(reply.body, bytes):  # it would never end
            await reply.release()
            return Reply(status=reply.status, headers=reply.headers, body=b"")
        return reply
