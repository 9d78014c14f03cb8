"""The innermost handler: the call goes to its service and the answer comes back, both streamed."""

from http import HTTPStatus

from gateway.behalf import INTERNAL_TOKEN, Behalf
from gateway.call import Call, Handler
from gateway.table import Auth, Route
from gateway.upstream import Headers, Reply, Request, Upstream
from kit.timing import TIMEOUT_HEADER, milliseconds

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Fields that concern one connection only (RFC 9110, 7.6.1), with those that older peers still send."""

ONLY_OURS = (
    b"forwarded",
    b"x-forwarded-",
    b"x-real-ip",
    b"x-client-ip",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"x-user",
    b"x-auth-",
    b"x-identity",
    b"x-remote-",
    b"remote-user",
    b"x-internal-",
    b"x-client-cert",
    b"x-ssl-",
    b"x-original-",
    b"x-rewrite-",
    b"x-envoy-",
    b"x-http-method",
    b"x-method-override",
    b"x-timeout-ms",
    b"x-mirrored",
)
"""How headers begin that tell services who or where a client is: from outside they are dropped."""


DATE = frozenset({b"date"})
"""What the edge tells itself, where no cache has to know how old an answer is."""

NOTHING: frozenset[bytes] = frozenset()


def forward(route: Route, upstream: Upstream, behalf: Behalf, also: Headers | None = None) -> Handler:
    """Send calls on a route to its service, which is told on whose behalf, and perhaps something `also`."""
    vouched = route.auth is Auth.SERVICE
    service = upstream.name
    timeout = route.timeout.total_seconds()
    patience = milliseconds(timeout)
    ours = NOTHING if route.cache else DATE

    async def handle(call: Call) -> Reply:
        target = route.target.expand(call.params)
        if call.query:
            target += "?" + call.query.decode("latin-1")
        seconds = timeout if call.seconds is None else call.seconds
        left = patience if call.seconds is None else milliseconds(seconds)
        headers = to_service(call, service, behalf, left, vouched=vouched)
        if also:
            headers += also
        request = Request(
            method=call.method,
            target=target,
            headers=headers,
            body=call.body,
            timeout=seconds,
        )
        reply = await upstream.send(request)
        reply.headers = _to_client(reply, ours)
        return reply

    return handle


def to_service(call: Call, service: str, behalf: Behalf, patience: bytes, *, vouched: bool) -> Headers:
    """What a service is told with a call: what its client said, from where, and on whose behalf.

    Args:
        call: the call.
        service: the name of the service.
        behalf: signs.
        patience: milliseconds that there are for an answer.
        vouched: whether it looks at the client's credentials itself.
    """
    headers = _to_service(call, patience)
    if call.identity is not None:
        headers.append((b"authorization", behalf.authorization(call.identity, service)))
    elif vouched:
        headers.append((INTERNAL_TOKEN, behalf.vouching(service)))
    return headers


def _to_service(call: Call, patience: bytes) -> Headers:
    kept = [field for field in call.headers if field[0] != b"host" and not field[0].startswith(ONLY_OURS)]
    kept += [
        (b"x-forwarded-for", call.peer.encode()),
        (b"x-forwarded-proto", call.scheme.encode()),
        (b"x-forwarded-host", call.header(b"host") or b""),
        (TIMEOUT_HEADER, patience),
    ]
    return kept


def _to_client(reply: Reply, ours: frozenset[bytes]) -> Headers:
    if reply.status == HTTPStatus.NOT_MODIFIED:
        ours |= {b"content-length"}  # of what is not sent: servers would miss a body of this length
    return [field for field in end_to_end(reply.headers) if field[0] not in ours]


def end_to_end(headers: Headers) -> Headers:
    """The fields that are not about one connection only."""
    named: set[bytes] = set()
    for name, value in headers:
        if name == b"connection":
            named.update(option.strip().lower() for option in value.split(b","))
    apart = HOP_BY_HOP | named if named else HOP_BY_HOP
    return [field for field in headers if field[0] not in apart]
