"""Nothing in a request leads the gateway to another address than the table's (request forgery)."""

import pytest

from tests.frontispiece.gateway.attacks.conftest import Attacked
from tests.support.recorder import recording

ATTEMPTS = [
    b"GET /files/a HTTP/1.1\r\nHost: {there}\r\n",
    b"GET {url}/files/a HTTP/1.1\r\nHost: shop.test\r\n",
    b"GET /files/{url}/a HTTP/1.1\r\nHost: shop.test\r\n",
    b"GET /files/@{there}/a HTTP/1.1\r\nHost: shop.test\r\n",
    b"GET /files/a?url={url}/&to={there}&next=//{there} HTTP/1.1\r\nHost: shop.test\r\n",
    b"GET /files/a HTTP/1.1\r\nHost: shop.test@{there}\r\n",
    b"GET /files/a HTTP/1.1\r\nHost: shop.test\r\nHost: {there}\r\n",
    b"GET //{there}/files/a HTTP/1.1\r\nHost: shop.test\r\n",
    b"CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n",
    *(
        b"GET /files/a HTTP/1.1\r\nHost: shop.test\r\n" + field + b"\r\n"
        for field in (
            b"X-Forwarded-Host: {there}",
            b"X-Forwarded-Server: {there}",
            b"X-Original-URL: {url}/a",
            b"X-Rewrite-URL: {url}/a",
            b"Forwarded: for=127.0.0.1;host={there}",
            b"X-Envoy-Original-Dst-Host: {there}",
            b"Destination: {url}/a",
            b"Referer: {url}/a",
            b"Origin: {url}",
            b"Upgrade: h2c\r\nConnection: upgrade",
        )
    ),
]


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=range(len(ATTEMPTS)))
async def test_no_part_of_a_request_leads_elsewhere(attacked: Attacked, attempt: bytes) -> None:
    async with recording() as (elsewhere, url):
        there = url.removeprefix("http://").encode()
        said = attempt.replace(b"{there}", there).replace(b"{url}", url.encode())

        await attacked.say(said + b"Connection: close\r\n\r\n")

        assert elsewhere.requests == []
        assert len(attacked.upstream.requests) <= 1
