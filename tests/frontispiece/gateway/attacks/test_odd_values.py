"""Fields with values that nobody expects, from clients and from services: none is an error of ours."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.recorder import connected
from tests.support.stub import Exchange, Stub
from tests.support.tables import part, route, route_table
from tests.support.world import OpenWorld

POLICIES: dict[str, Any] = {
    "cache": {"ttl": "1m"},
    "collapse": True,
    "compression": {"min_size": "1B"},
    "cors": {"origins": ["https://app.example"]},
    "retry": {"on": ["503", "unavailable"]},
    "rate_limit": {"rate": "100000/second", "by": "address"},
}
ROUTES = route_table(
    route("/kept/{rest:path}", **POLICIES),
    route(
        "/plain/{rest:path}",
        methods=["GET", "POST"],
        max_body_size="1KiB",
        idempotency={"store": "memory"},
        auth="bearer",
    ),
    route(
        "/joined/{number}", parts={"p": part("things:/p/{number}"), "q": part("things:/p/7", optional=True)}
    ),
    edge={"trusted_proxies": ["127.0.0.0/8"]},
    security_headers={},
)

VALUES = [
    b"",
    b",",
    b", ,,",
    b"*",
    b"\xff\xfe\x80",
    b'"',
    b'"\\',
    b"'",
    b"=",
    b";",
    b"q=",
    b"-1",
    b"1e400",
    b"9" * 400,
    b"9" * 5000,
    b"0x10",
    b"1.5",
    b"NaN",
    b"Infinity",
    b"Sat, 01 Jan 0000 00:00:00 GMT",
    b"Fri, 31 Dec 9999 23:59:59 GMT",
    b"Sat Jan  1 00:00:00 0000",
    b"Thu, 32 Feb 2023 24:61:61 GMT",
    b"max-age=" + b"9" * 5000,
    b"max-age=1e400, s-maxage=-1, stale-while-revalidate=99999999999999999999",
    b'no-cache="' + b"," * 2000,
    b"bytes=" + b"9" * 400 + b"-",
    b"bytes=-" + b"9" * 400,
    b"bytes 0-1/" + b"9" * 400,
    b"Bearer " + b"e30." * 3,
    b"Bearer eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjFlNDAwfQ.AA",
    b"[" * 5000,
    b"(" * 5000,
    b"://[::1",
    b"http://[",
    b"[::1",
    b"for=" + b'"' * 100,
    b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-zz",
    b"gzip;q=" + b"9" * 400,
    b"a=b;" * 2000,
]

REQUEST_FIELDS = [
    b"accept",
    b"accept-encoding",
    b"access-control-request-headers",
    b"access-control-request-method",
    b"authorization",
    b"cache-control",
    b"connection",
    b"content-encoding",
    b"content-type",
    b"cookie",
    b"expect",
    b"forwarded",
    b"host",
    b"idempotency-key",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"keep-alive",
    b"origin",
    b"pragma",
    b"range",
    b"te",
    b"traceparent",
    b"tracestate",
    b"x-api-key",
    b"x-forwarded-for",
    b"x-forwarded-proto",
    b"x-request-id",
    b"x-timeout-ms",
]

RESPONSE_FIELDS = [
    b"age",
    b"cache-control",
    b"cdn-cache-control",
    b"connection",
    b"content-encoding",
    b"content-location",
    b"content-range",
    b"content-type",
    b"date",
    b"etag",
    b"expires",
    b"keep-alive",
    b"last-modified",
    b"link",
    b"location",
    b"retry-after",
    b"set-cookie",
    b"vary",
    b"warning",
    b"www-authenticate",
]


async def statuses_of(url: str, requests: Iterable[bytes]) -> list[int]:
    """The status of each response, by a connection of its own; 0 where there is none."""

    async def status(request: bytes) -> int:
        async with gate, connected(url) as (reader, writer):
            writer.write(request)
            line = await reader.readline()
            return int(line.split()[1]) if line else 0

    gate = asyncio.Semaphore(20)
    async with asyncio.timeout(60):
        return await asyncio.gather(*map(status, requests))


@pytest.mark.parametrize("name", REQUEST_FIELDS)
async def test_no_value_of_a_client_s_field_is_an_error_of_ours(open_world: OpenWorld, name: bytes) -> None:
    world = await open_world(ROUTES)
    heads = [
        b"%b HTTP/1.1\r\n%bConnection: close\r\n%b: %b\r\n\r\n"
        % (line, b"" if name == b"host" else b"Host: a\r\n", name, value)
        for line in (b"GET /kept/a", b"GET /plain/a", b"OPTIONS /kept/a", b"GET /joined/0")
        for value in VALUES
    ]

    statuses = await statuses_of(world.url, heads)

    answered = zip(heads, statuses, strict=True)
    assert not [(head, status) for head, status in answered if not 200 <= status < 500]


@pytest.mark.parametrize("name", RESPONSE_FIELDS)
@pytest.mark.parametrize("status", [200, 401, 503])
async def test_no_value_of_a_service_s_field_is_an_error_of_ours(
    open_world: OpenWorld, name: bytes, status: int
) -> None:
    async def odd(exchange: Exchange) -> None:
        value = VALUES[int(exchange.path.rpartition(b"/")[2])]
        kind = (b"content-type", b"application/json"), (b"content-length", b"2")
        await exchange.start(status, (name, value), *(kind if name != b"content-type" else kind[1:]))
        await exchange.end(b"{}")

    world = await open_world(ROUTES, things=Stub(odd))
    for path, expected in ((b"/kept", {status, 502}), (b"/joined", {status, 502, 503})):
        head = b"GET %b/%%d HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n" % path
        for _ in range(2):  # the second time from the cache
            statuses = await statuses_of(world.url, [head % number for number in range(len(VALUES))])
            assert {*statuses} <= expected, [*zip(VALUES, statuses, strict=True)]
            assert path == b"/joined" or statuses.count(status) > len(VALUES) / 2
