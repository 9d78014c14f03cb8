"""Fields with values that nobody expects, from clients and from services: none is an error of ours."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.recorder import connected, said
from tests.support.recorder import statuses as statuses_in
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
        methods=["POST"],
        max_body_size="1KiB",
        idempotency={"store": "memory"},
        auth="bearer",
        guest=True,
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

REQUEST_FIELDS: dict[bytes, str] = {
    b"GET /kept/a": """
        accept accept-encoding access-control-request-headers access-control-request-method authorization
        cache-control connection content-encoding content-type cookie expect forwarded host idempotency-key
        if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive origin pragma range
        te traceparent tracestate x-api-key x-forwarded-for x-forwarded-proto x-request-id x-timeout-ms""",
    b"OPTIONS /kept/a": "access-control-request-headers access-control-request-method host origin",
    b"POST /plain/a": "authorization content-encoding content-type expect idempotency-key te",
    b"GET /joined/0": "accept accept-encoding if-none-match x-timeout-ms",
}
"""The fields that a call is sent with, one at a time."""

RESPONSE_FIELDS = b"""
    age cache-control cdn-cache-control connection content-encoding content-location content-range
    content-type date etag expires keep-alive last-modified link location retry-after set-cookie vary warning
    www-authenticate""".split()


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


@pytest.mark.parametrize("line", REQUEST_FIELDS)
async def test_no_value_of_a_request_header_makes_a_500(open_world: OpenWorld, line: bytes) -> None:
    world = await open_world(ROUTES)
    for name in REQUEST_FIELDS[line].encode().split():
        host = b"" if name == b"host" else b"Host: a\r\n"
        heads = [
            b"%b HTTP/1.1\r\n%bConnection: close\r\n%b: %b\r\n\r\n" % (line, host, name, value)
            for value in VALUES
        ]

        answered = zip(heads, await statuses_of(world.url, heads), strict=True)
        assert not [(head, status) for head, status in answered if not 200 <= status < 500]


@pytest.mark.parametrize(
    ("status", "names"),
    [
        (200, [[name] for name in RESPONSE_FIELDS]),
        (401, [RESPONSE_FIELDS, [b"www-authenticate"], [b"content-type"]]),
        (503, [RESPONSE_FIELDS, [b"retry-after"], [b"content-type"]]),
    ],
)
async def test_no_value_of_a_response_header_makes_a_500(
    open_world: OpenWorld, status: int, names: list[list[bytes]]
) -> None:
    async def odd(exchange: Exchange) -> None:
        chosen, value = (int(number) for number in exchange.path.split(b"/")[-1].split(b"-"))
        fields = {b"content-type": b"application/json"} | dict.fromkeys(names[chosen], VALUES[value])
        await exchange.start(status, *fields.items(), (b"content-length", b"2"))
        await exchange.end(b"{}")

    world = await open_world(ROUTES, things=Stub(odd))
    end = b" HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n"
    for chosen, fields in enumerate(names):
        for path, expected in ((b"/kept", {status, 502}), (b"/joined", {status, 502, 503})):
            heads = [b"GET %b/%d-%d" % (path, chosen, number) + end for number in range(len(VALUES))]
            for _ in range(2 if path == b"/kept" and status == 200 else 1):  # the second time from the cache
                answers = await said(world.url, b"\r\n".join(heads) + b"Connection: close\r\n\r\n")
                statuses = statuses_in(answers)
                assert len(statuses) == len(VALUES), fields
                assert {*statuses} <= expected, (fields, [*zip(VALUES, statuses, strict=True)])
                assert path == b"/joined" or len(fields) > 1 or statuses.count(status) > len(VALUES) / 2
