"""What a client that speaks gRPC is told by the layers of its route, of the project's own among them."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from frontispiece.gateway.grpc.decisions import Decisions
from frontispiece.http.asgi import problem_response
from frontispiece.http.messages import IncomingRequest, Reply
from frontispiece.http.problems import Problem


def refused(kind: str, status: int) -> Reply:
    return problem_response(Problem(status, kind, "So it is."), None)


@pytest.mark.parametrize(
    ("reply", "status", "kind", "text"),
    [
        (refused("no-route", 404), b"12", b"no-route", b"So it is."),
        (refused("method-not-allowed", 405), b"12", b"method-not-allowed", b"So it is."),
        (refused("book-gone", 404), b"5", b"book-gone", b"So it is."),
        (refused("book-changed", 409), b"10", b"book-changed", b"So it is."),
        (Reply.whole(403, b"<h1>No</h1>", [(b"content-type", b"text/html")]), b"7", None, b""),
        (Reply.whole(302, b"", [(b"location", b"/login")]), b"2", None, b""),
    ],
)
async def test_a_refusal_of_any_layer_is_a_status(
    reply: Reply, status: bytes, kind: bytes | None, text: bytes
) -> None:
    async def decide(_request: IncomingRequest) -> Reply:
        return reply

    runtime = SimpleNamespace(data_plane=SimpleNamespace(is_open=True))
    gateway = SimpleNamespace(runtime=runtime, decide=decide)
    request = IncomingRequest(
        method="POST",
        target=b"/library.v1.Library/GetBook",
        headers=[(b"x-forwarded-for", b"192.0.2.1")],
        body=b"",
        http_version="1.1",
        client_ip="",
        scheme="http",
        send_interim=lambda _status, _headers: None,
    )
    decision = await Decisions(cast(Any, gateway)).respond(request)

    assert decision.status == reply.status
    assert (decision.header(b"grpc-status"), decision.header(b"problem-type")) == (status, kind)
    assert decision.body == text
