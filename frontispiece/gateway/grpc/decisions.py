"""The gateway's decisions about native calls, of which Envoy's `ext_authz` filter asks for one before each.

A decision is made by the layers of the call's route. Where they let it through, the reply is a 200 with the
headers that the service gets, the internal token among them: only Envoy may see it, on a socket file.
"""

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec

from frontispiece.gateway import health
from frontispiece.gateway.auth.caller import network_of, subject_of
from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.config.route import Auth, Route
from frontispiece.gateway.forward import to_service
from frontispiece.gateway.grpc.clusters import group_of
from frontispiece.gateway.grpc.envoy import CLUSTER, FOR_CLIENT, IDLE, SLACK
from frontispiece.gateway.resources import TableResources
from frontispiece.http.asgi import Receive, Scope, Send, problem_response
from frontispiece.http.grpc_status import STATUSES, UNKNOWN
from frontispiece.http.headers import joined
from frontispiece.http.messages import Headers, IncomingRequest, Reply, field
from frontispiece.http.problems import MEDIA_TYPE, TYPE_PREFIX, Problem
from frontispiece.http.timeout_header import milliseconds

if TYPE_CHECKING:
    from frontispiece.gateway.edge import Gateway

FORWARDED_FOR: Final = b"x-forwarded-for"
FORWARDED_PROTO: Final = b"x-forwarded-proto"

GRPC_HEADERS: Final = frozenset({b"host", b"te", b"content-type", b"content-length", b"user-agent"})
"""Headers of every call, which the service gets as they are."""

LONGEST: Final = 86_400.0
"""Seconds of the longest deadline: a `grpc-timeout` has eight digits."""

UNITS: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}

_TIMEOUT: Final = re.compile(rb"([0-9]{1,8})([HMSmun])")

UNIMPLEMENTED: Final = 12
NO_METHOD: Final = frozenset({"no-route", "method-not-allowed"})
"""Problems that gRPC calls `UNIMPLEMENTED`."""

TO_REMOVE: Final = b"x-envoy-auth-headers-to-remove"
"""The header of a decision that names what Envoy removes from a call."""

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Headers).decode
_problem: Final = msgspec.json.Decoder(dict[str, Any]).decode


def decide(route: Route, resources: TableResources) -> Handler:
    """Decides a call that the route's layers have let through: the reply's body has the service's headers."""
    assert route.to is not None, "a native route leads to a service"
    service, tokens = route.to.service, resources.tokens
    descriptors = resources.table.services[service].grpc
    assert descriptors is not None, "a native route to a service without descriptors is refused"
    streams = descriptors.streams
    data_plane = resources.runtime.data_plane
    clusters = data_plane.clusters if data_plane else {}
    passthrough = route.auth is Auth.PASSTHROUGH
    expand, seconds = route.target.expand, route.timeout.total_seconds()

    async def handle(call: Call) -> Reply:
        left = _seconds(call.header(b"grpc-timeout"))
        is_stream = streams.get(expand(call.params), True)
        if not is_stream:
            left = seconds if left is None else min(left, seconds)
        headers = to_service(
            call, service, tokens, milliseconds(seconds if left is None else left), passthrough=passthrough
        )
        if left is not None:
            headers = [each for each in headers if each[0] != b"grpc-timeout"]
            headers.append((b"grpc-timeout", milliseconds(min(left, LONGEST) + SLACK) + b"m"))
        cluster = group_of(clusters[service], subject_of(call) or network_of(call))
        headers.append((CLUSTER.encode(), cluster.encode()))
        if is_stream:
            headers.append((IDLE.encode(), milliseconds(seconds)))
        return Reply.whole(HTTPStatus.OK, _encode(headers), [])

    return handle


class Decisions:
    """The app on the socket that Envoy asks at."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Nothing comes by ASGI: there is no lifespan, and requests go to `respond`."""

    async def respond(self, request: IncomingRequest) -> Reply:
        """The decision about a call, whose method, path and headers the request has."""
        path = request.target.partition(b"?")[0]
        if path in health.PATHS:  # at a public port it is not the route's that answers
            return _refusal(problem_response(Problem(404, "no-route"), None))
        data_plane = self._gateway.runtime.data_plane
        if data_plane is None or not data_plane.is_open:
            return _refusal(problem_response(Problem(503, "gateway-starting"), None))
        if request.method != "POST":
            return _refusal(problem_response(Problem(405, "method-not-allowed"), None))
        sent = request.headers
        _remove_hop(request)
        async with await self._gateway.decide(request) as reply:
            if reply.status != HTTPStatus.OK:
                return _refusal(reply)
        assert isinstance(reply.body, bytes), "a decision is whole"
        return Reply.whole(HTTPStatus.OK, b"", _granted(sent, _decode(reply.body), reply.headers))


def _remove_hop(request: IncomingRequest) -> None:
    """Remove what Envoy has added: the client is the last one in its `X-Forwarded-For`."""
    before, _, client = joined(request.headers, FORWARDED_FOR).rpartition(b",")
    scheme = field(request.headers, FORWARDED_PROTO) or b"http"
    request.client_ip, request.scheme = client.strip().decode("latin-1"), scheme.decode("latin-1")
    request.headers = [each for each in request.headers if each[0] not in {FORWARDED_FOR, FORWARDED_PROTO}]
    if before:
        request.headers.append((FORWARDED_FOR, before))


def _granted(call: Headers, to_service: Headers, to_client: Headers) -> Headers:
    """The headers of a decision: what Envoy sets and removes, and the metadata that the client gets."""
    sent, wanted = _by_name(call), _by_name(to_service)
    removed = sorted(sent.keys() - wanted.keys() - GRPC_HEADERS)
    # whole names: a client may send what is right beside what is not
    changed = {name for name, values in wanted.items() if values != sent.get(name)} - GRPC_HEADERS
    fields = [each for each in to_service if each[0] in changed]
    fields += [each for each in to_client if each[0].decode("latin-1").startswith(FOR_CLIENT)]
    if removed:
        fields.append((TO_REMOVE, b",".join(removed)))
    return list(dict.fromkeys(fields))  # the request's id is for both


def _by_name(headers: Headers) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return found


def _refusal(reply: Reply) -> Reply:
    """A refusal as Envoy makes a gRPC status of it: a problem's type is metadata, and its text the body.

    Layers of a project may refuse by what is no problem, which then has no text.
    """
    problem = {}
    if isinstance(reply.body, bytes) and reply.header(b"content-type") == MEDIA_TYPE.encode():
        problem = _problem(reply.body)
    kind = problem.get("type", "").removeprefix(TYPE_PREFIX)
    status = UNIMPLEMENTED if kind in NO_METHOD else STATUSES.get(reply.status, UNKNOWN)
    headers = [each for each in reply.headers if each[0].decode("latin-1").startswith(FOR_CLIENT)]
    headers.append((b"grpc-status", b"%d" % status))
    if kind:
        headers.append((b"problem-type", kind.encode()))
    text = problem.get("detail") or problem.get("title", "")
    return Reply.whole(reply.status, text.encode(), headers)


def _seconds(timeout: bytes | None) -> float | None:
    """The seconds of a `grpc-timeout`; None without one.

    Raises:
        Problem: 400, it has another form.
    """
    if timeout is None:
        return None
    found = _TIMEOUT.fullmatch(timeout)
    if found is None:
        raise Problem(400, "bad-request", "grpc-timeout has at most eight digits and a unit.")
    return int(found[1]) * UNITS[found[2]]
