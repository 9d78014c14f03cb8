"""A body that dawdles through the gateway never becomes a whole request at a service."""

import asyncio

import pytest

from frontispiece.server.limits import ConnectionLimits
from tests.frontispiece.gateway.attacks.conftest import ROUTES
from tests.support.clock import event_loop_clock
from tests.support.recorder import recording, said, statuses
from tests.support.serving import servers
from tests.support.tables import route, route_table
from tests.support.waiting import until
from tests.support.world import gateway_of


async def test_slow_uploads_close_no_service_to_others() -> None:
    routes = route_table(
        route("/files", methods=["POST"], timeout="100ms", to="fragile"),
        route("/files", to="fragile"),
        services={"fragile": {"url": "registry://things", "breaker": {"min_requests": 2}}},
    )
    start = b"POST /files HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    async with asyncio.timeout(60), recording() as (_, url), servers() as serve:
        gateway = await serve(gateway_of(routes, {"things": url}))
        for _ in range(2):
            answer = await said(gateway, start + b"Content-Length: 3\r\n\r\nab")
            assert statuses(answer) == [408]
            assert b"urn:frontispiece:problem:body-too-slow" in answer

        assert statuses(
            await said(gateway, b"GET /files HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        ) == [200]


async def test_a_body_that_is_not_waited_for_breaks_off_at_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = b"POST /files/a HTTP/1.1\r\nHost: a\r\n"
    async with (
        asyncio.timeout(60),
        recording() as (upstream, url),
        servers(ConnectionLimits(body_timeout=5.0)) as serve,
    ):
        gateway = await serve(gateway_of(ROUTES, {"things": url}))
        advance = event_loop_clock(monkeypatch)
        for framing in (b"Content-Length: 3\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"):
            upstream.requests.clear()
            answer = asyncio.create_task(said(gateway, start + framing))
            await until(lambda: any(request.body == b"ab" for request in upstream.requests))
            await advance(6)
            assert statuses(await answer) == [408]
            assert [(request.complete, request.body) for request in upstream.requests] == [(False, b"ab")]
