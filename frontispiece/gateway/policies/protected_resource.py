"""OAuth 2.0 protected resource metadata (RFC 9728): where clients of a route get the tokens that it needs.

A client that knows only the URL of the route reads in a refusal where the metadata are, in these at which
issuer to log in, and which scopes to ask for. Pages of other origins may call it where the route's `cors`
names them alone.
"""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

import msgspec
from pydantic import Field, StrictBool

from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.base import ConfigModel
from frontispiece.gateway.policies.cors import ANY
from frontispiece.http.paths import Template
from frontispiece.http.problems import CHALLENGE, Problem
from frontispiece.upstream import Headers, Reply

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
STATUSES: Final = frozenset({401, 403})
HEADERS: Final[Headers] = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"public, max-age=300"),
    (b"access-control-allow-origin", b"*"),
]


class ProtectedResource(ConfigModel):
    """What clients are told of a route that needs their tokens."""

    name: str = Field(description="Of the resource, for people.")
    scopes: tuple[str, ...] = Field((), description="The scopes that it has uses for.")
    require_audience: StrictBool = Field(
        False,
        description="Whether tokens must be for this resource (RFC 8707): their `aud` is its URL; by "
        "default the API's.",
    )
    documentation: str | None = Field(None, description="The URL of a page about it.")


def for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """Refusals of the route say where its metadata are; pages of unknown origins are refused."""
    if route.protected_resource is not None:
        named = route.cors.origins if route.cors else ()
        if ANY not in named:
            yield _origin_layer({each.encode() for each in (*resources.runtime.origins, *named)})
        yield _layer(f"{_origin(resources)}{WELL_KNOWN}{route.path}")


def required_audience(route: "Route", resources: "TableResources") -> str | None:
    """The audience that tokens must have on a route; None for that of their issuer's settings."""
    about = route.protected_resource
    return _url(route, resources) if about is not None and about.require_audience else None


def endpoints(resources: "TableResources") -> Iterator[tuple["Route", Template, Handler]]:
    """The metadata of each route that has them, with their paths."""
    for route in resources.table.routes:
        if route.protected_resource is not None:
            yield route, Template.parse(WELL_KNOWN + route.path), _serve(_metadata(route, resources))


def _metadata(route: "Route", resources: "TableResources") -> bytes:
    about = route.protected_resource
    assert about is not None, "asked only where there is one"
    document = {
        "resource": _url(route, resources),
        "authorization_servers": [resources.runtime.issuer_url(name) for name in route.issuers],
        "bearer_methods_supported": ["header"],
        "resource_name": about.name,
        "scopes_supported": list(about.scopes),
        "resource_documentation": about.documentation,
    }
    return msgspec.json.encode({name: value for name, value in document.items() if value})


def _url(route: "Route", resources: "TableResources") -> str:
    return _origin(resources) + route.path


def _origin(resources: "TableResources") -> str:
    return next(iter(resources.runtime.origins))


def _serve(content: bytes) -> Handler:
    async def handle(_call: Call) -> Reply:
        return Reply.whole(200, content, HEADERS)

    return handle


def _origin_layer(allowed: Collection[bytes]) -> Layer:
    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            if any(value not in allowed for name, value in call.headers if name == b"origin"):
                raise Problem(403, "origin-refused", "Pages of this origin may not call this.")
            return await inner(call)

        return handle

    return layer


def _layer(url: str) -> Layer:
    pointer = f'resource_metadata="{url}"'

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            try:
                reply = await inner(call)
            except Problem as problem:
                if CHALLENGE in problem.headers:
                    problem.headers[CHALLENGE] = _with(problem.headers[CHALLENGE], pointer)
                raise
            if reply.status in STATUSES:
                name = CHALLENGE.lower().encode()
                reply.headers = [
                    (key, _with(value.decode("latin-1"), pointer).encode("latin-1") if key == name else value)
                    for key, value in reply.headers
                ]
            return reply

        return handle

    return layer


def _with(challenge: str, pointer: str) -> str:
    """A challenge with one parameter more, which may be its first."""
    return f"{challenge}, {pointer}" if " " in challenge else f"{challenge} {pointer}"
