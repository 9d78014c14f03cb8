"""Cross-origin resource sharing (of the Fetch standard): which pages of other origins may call a route.

A browser sends a simple request anyway, and asks with a preflight before it sends another one. It is the
browser that enforces the policy: CORS protects its users, and authentication protects the service.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.base import ConfigModel, FieldName
from frontispiece.http.problems import Problem
from frontispiece.units import LongDuration
from frontispiece.upstream import Headers, Reply, field

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources

ANY: Final = "*"

CORS_HEADERS: Final = b"access-control-"
VARY: Final = (b"vary", b"Origin")
PREFLIGHT_VARY: Final = (
    b"vary",
    b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
)

_ORIGIN: Final = re.compile(
    r"([a-z][a-z0-9+.-]*)://(?:\[[0-9a-f:]+\]|[a-z0-9_.-]+)(?::([1-9][0-9]{0,4}))?", re.ASCII
)
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


def _origin(text: str) -> str:
    if text == ANY:
        return text
    if text == "null":
        raise ValueError('"null" is the origin of every sandboxed page, so it identifies none')
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is no origin as browsers send it: write "https://app.example", or "*"')
    if match[2] and match[2] == _DEFAULT_PORTS.get(match[1]):
        raise ValueError(f"{text!r} has the default port of its scheme, which browsers leave out")
    return text


Origin = Annotated[str, AfterValidator(_origin)]


class Cors(ConfigModel):
    """The origins whose pages may call a route, and what these pages may send and read."""

    origins: tuple[Origin, ...] = Field(
        min_length=1, description='Exactly as browsers send them: "https://app.example"; "*" is any origin.'
    )
    methods: tuple[str, ...] | None = Field(
        None, min_length=1, description="Of the route's methods; all when left out."
    )
    headers: tuple[FieldName, ...] = Field(
        ("content-type",),
        description='Request headers beyond the safelisted ones; "*" is all but Authorization.',
    )
    expose: tuple[FieldName, ...] = Field((), description="Response headers that pages may read.")
    credentials: bool = Field(False, description="Whether cookies may be sent.")
    max_age: LongDuration = Field(
        timedelta(minutes=10), description="How long browsers may cache a preflight; most stop at 2 h."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if errors := list(self._errors()):
            raise ValueError("; ".join(errors))
        return self

    def _errors(self) -> Iterator[str]:
        if ANY in self.origins and len(self.origins) > 1:
            yield 'origins: "*" includes all others: name none beside it'
        if not self.credentials:
            return
        if ANY in self.origins:
            yield "credentials need origins by name: any page could send them"
        for key in ("headers", "expose"):
            if ANY in getattr(self, key):
                yield f'{key}: with credentials browsers take "*" for a name: write the names'


def for_route(route: "Route", _resources: "TableResources") -> Iterator[Layer]:
    """The layer of a route that pages of other origins may call."""
    if route.cors:
        yield cors_layer(route.cors)


def cors_layer(cors: Cors) -> Layer:
    """Add the CORS headers to responses and problems; those that a service sets itself are dropped."""
    allowed = AllowedOrigins(cors)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            call.response_headers += allowed.vary
            call.response_headers += allowed.response_headers(call.headers)
            reply = await inner(call)
            reply.headers = [field for field in reply.headers if not field[0].startswith(CORS_HEADERS)]
            return reply

        return handle

    return layer


def preflight(cors: Cors, methods: Iterable[str]) -> Handler:
    """Answers the preflights of a route."""
    allowed = AllowedOrigins(cors)
    granted: Headers = [
        (b"access-control-allow-methods", ", ".join(cors.methods or methods).encode()),
        (b"access-control-max-age", b"%d" % cors.max_age.total_seconds()),
    ]
    if cors.headers:
        granted.append((b"access-control-allow-headers", ", ".join(cors.headers).encode()))

    async def handle(call: Call) -> Reply:
        call.response_headers.append(PREFLIGHT_VARY)
        if not (origin := allowed.preflight_headers(call.headers)):
            raise Problem(403, "origin-refused", "Pages of this origin may not call this.")
        return Reply(status=204, headers=[*origin, *granted], body=b"")

    return handle


def requested_method(headers: Headers) -> str | None:
    """The method whose preflight an OPTIONS request with these headers is; None when it is no preflight."""
    method = field(headers, b"access-control-request-method")
    return method.decode("latin-1") if method and field(headers, b"origin") is not None else None


class AllowedOrigins:
    """The CORS headers for each origin."""

    def __init__(self, cors: Cors) -> None:
        credentials = [(b"access-control-allow-credentials", b"true")] if cors.credentials else []
        self._any: Headers = [(b"access-control-allow-origin", b"*")] if ANY in cors.origins else []
        self._by_origin: dict[bytes, Headers] = {
            origin.encode(): [(b"access-control-allow-origin", origin.encode()), *credentials]
            for origin in cors.origins
        }
        self._exposed: Headers = (
            [(b"access-control-expose-headers", ", ".join(cors.expose).encode())] if cors.expose else []
        )
        self.vary: Headers = [] if self._any else [VARY]
        """The header of every response, whatever its request's origin."""

    def response_headers(self, request_headers: Headers) -> Headers:
        """The headers of a response to the origin of a request; none where it is not allowed."""
        granted = self.preflight_headers(request_headers)
        return granted + self._exposed if granted else granted

    def preflight_headers(self, request_headers: Headers) -> Headers:
        """The same of the response to a preflight."""
        origins = [value for name, value in request_headers if name == b"origin"]
        if len(origins) != 1:
            return []
        return self._any or self._by_origin.get(origins[0], [])
