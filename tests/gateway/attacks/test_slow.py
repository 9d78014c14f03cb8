"""A body that dawdles through the gateway never becomes a whole request at a service."""

import asyncio

from front.guard import Guard
from tests.gateway.attacks.conftest import ROUTES
from tests.support.gateways import gateway_of
from tests.support.recorder import recording, said, statuses
from tests.support.serving import servers


async def test_a_body_that_is_not_waited_for_breaks_off_at_the_service() -> None:
    start = b"POST /files/a HTTP/1.1\r\nHost: a\r\n"
    async with asyncio.timeout(10), recording() as (upstream, url), servers(Guard(body=0.05)) as serve:
        gateway = await serve(gateway_of(ROUTES, {"things": url}))
        for framing in (b"Content-Length: 3\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"):
            assert statuses(await said(gateway, start + framing)) == [408]

    assert [(asked.complete, asked.body) for asked in upstream.asked] == [(False, b"ab")] * 2
