"""The innermost handler of a route to one service: request and response are streamed."""

from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import urlencode

from frontispiece.gateway.auth.internal_tokens import INTERNAL_TOKEN, InternalTokenIssuer
from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.config.route import Auth, Route
from frontispiece.http.headers import HOP_BY_HOP, end_to_end
from frontispiece.http.messages import whole_or_stream
from frontispiece.http.paths import Parameter, decode_segment
from frontispiece.http.request_id import REQUEST_ID
from frontispiece.http.timeout_header import TIMEOUT_HEADER, milliseconds
from frontispiece.upstream import Headers, Reply, Request, Upstream

DROPPED: Final = HOP_BY_HOP | {REQUEST_ID}
"""What goes no further of a response; the edge writes its own request id."""

DATED_HERE: Final = DROPPED | {b"date"}
"""The same where the edge dates it; on routes that cache it keeps its own date."""

LENGTH: Final = frozenset({b"content-length"})
"""Of a body that is not sent, which servers would wait for."""

OK: Final = 200
NOT_MODIFIED: Final = 304
UNAUTHORIZED: Final = 401

CHALLENGE: Final = (b"www-authenticate", b"Bearer")
"""Of a 401 to which the service has given none, or an empty one: RFC 9110 (15.5.2) wants one on each."""


def forward(
    route: Route, upstream: Upstream, tokens: InternalTokenIssuer, extra_headers: Headers | None = None
) -> Handler:
    """Send calls on a route to its service, with an internal token for the caller."""
    passthrough = route.auth is Auth.PASSTHROUGH
    service = upstream.name
    route_timeout = route.timeout.total_seconds()
    timeout_header = milliseconds(route_timeout)
    drop_response_headers = DROPPED if route.cache else DATED_HERE

    expand = route.target.expand
    fields = route.template.names if route.to and route.to.method else ()
    rewrite = location_rewrite(route)

    async def handle(call: Call) -> Reply:
        target = expand(call.params)
        if fields:
            target += "?" + _query_of(fields, call)
        if call.query:
            target += ("&" if fields else "?") + call.query.decode("latin-1")
        timeout = route_timeout if call.per_try_timeout is None else call.per_try_timeout
        left = timeout_header if call.per_try_timeout is None else milliseconds(timeout)
        headers = to_service(call, service, tokens, left, passthrough=passthrough)
        if extra_headers:
            headers += extra_headers
        body = whole_or_stream(call.body)
        request = Request(
            method=call.method,
            target=target,
            headers=headers,
            body=body,
            timeout=timeout,
            on_interim=call.send_interim and partial(_pass_interim, call.send_interim),
        )
        reply = await upstream.send(request)
        reply.headers = to_client(reply.status, reply.headers, drop_response_headers)
        if rewrite is not None and reply.status != OK:
            reply.headers = rewrite(reply.headers)
        return reply

    return handle


def _query_of(fields: tuple[str, ...], call: Call) -> str:
    """The path's placeholders as a query: fields of the message that a method over gRPC takes."""
    values = {name: "/".join(map(decode_segment, call.params[name])) for name in fields}
    return urlencode(values)


def to_service(
    call: Call, service: str, tokens: InternalTokenIssuer, timeout_header: bytes, *, passthrough: bool
) -> Headers:
    """The headers of a request to a service: the client's own, where it is, and for whom the gateway calls.

    Args:
        call: the call.
        service: the name of the service.
        tokens: issues the internal token.
        timeout_header: milliseconds that there are for a response.
        passthrough: whether the service verifies the client's credentials itself.
    """
    host = call.header(b"host")
    headers = [each for each in call.headers if each[0] != b"host"]
    headers += [
        (b"x-forwarded-for", call.client_ip.encode()),
        (b"x-forwarded-proto", call.scheme.encode()),
        (b"x-forwarded-host", host or b""),
        (TIMEOUT_HEADER, timeout_header),
    ]
    if call.identity is not None:
        headers.append((b"authorization", tokens.authorization(call.identity, service)))
    elif passthrough and (token := tokens.gateway_token(service)):
        headers.append((INTERNAL_TOKEN, token))
    return headers


def _pass_interim(send_interim: Callable[[int, Headers], None], status: int, headers: Headers) -> None:
    send_interim(status, end_to_end(headers, DROPPED))


def to_client(status: int, headers: Headers, drop: frozenset[bytes]) -> Headers:
    """The headers of a service's response as the client gets them.

    Args:
        status: of the response.
        headers: the service's.
        drop: names of those that go no further.
    """
    headers = end_to_end(headers, drop | LENGTH if status == NOT_MODIFIED else drop)
    if status == UNAUTHORIZED and not any(value for name, value in headers if name == CHALLENGE[0]):
        headers = [*(field for field in headers if field[0] != CHALLENGE[0]), CHALLENGE]
    return headers


def location_rewrite(route: Route) -> Callable[[Headers], Headers] | None:
    """Rewrites the `Location` of responses, as nginx does: paths of the service become public ones.

    None where both are the same.

    A route from `/web/things` to `/things` makes `/web/parts/7` of `/parts/7`. URLs with a scheme or
    host, and paths that begin as the route's own do, are public already.
    """
    public, own = _bases(route)
    if public is None or own is None or public == own:
        return None

    def rewrite(headers: Headers) -> Headers:
        return [(name, _public(value) if name == b"location" else value) for name, value in headers]

    def _public(value: bytes) -> bytes:
        if value.startswith(b"//") or not _is_below(value, own) or (public and _is_below(value, public)):
            return value
        return public + value.removeprefix(own)

    return rewrite


def _bases(route: Route) -> tuple[bytes | None, bytes | None]:
    """The route's path and its target's, without what both end with; None where that has placeholders."""
    path, target = list(route.template.parts), list(route.target.parts)
    while path and target and path[-1] == target[-1]:
        path.pop()
        target.pop()
    return _fixed(path), _fixed(target)


def _fixed(parts: list[str | Parameter]) -> bytes | None:
    fixed = [part for part in parts if isinstance(part, str)]
    return "".join(f"/{part}" for part in fixed).encode() if len(fixed) == len(parts) else None


def _is_below(path: bytes, base: bytes) -> bool:
    after = path[len(base) : len(base) + 1]
    return path.startswith(b"/") and path.startswith(base) and after in {b"/", b"?", b"#", b""}
