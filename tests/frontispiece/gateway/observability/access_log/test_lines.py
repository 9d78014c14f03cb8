"""The lines of the access log: what they contain, and what they never do."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontispiece.gateway.observability.access_log.format import Addresses, LineFormatter
from tests.conftest import MakeToken
from tests.frontispiece.gateway.observability.access_log.conftest import LinesOf
from tests.support.recorder import said
from tests.support.stub import Exchange, Stub, answering

TRACE = "0af7651916cd43dd8448eb211c80319c"


def text(log: Path) -> str:
    """All that has been logged."""
    return log.read_text("ascii")


JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJyZWFkZXIifQ.c2lnbmF0dXJl"


async def test_a_line_describes_request_and_response(lines_of: LinesOf) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        headers = {"X-Request-Id": "r-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}
        await http.get("/things/7?q=pens&page=2", headers=headers)

    cached = answering(200, b"12345", (b"cache-status", b'origin; fwd=miss, edge; hit; key="/x?q=me"'))
    (line,) = await lines_of(ask, Stub(cached))

    assert line.pop("time").endswith("+00:00")
    assert line.pop("ms") >= line.pop("upstream_ms") > 0
    assert line == {
        "request_id": "r-1",
        "trace_id": TRACE,
        "method": "GET",
        "route": "/things/{id}",
        "path": "/things/7",
        "query": ["q", "page"],
        "status": 200,
        "bytes": 5,
        "upstream_calls": 1,
        "client": "127.0.0.0/24",
        "cache": "hit",
    }


FAILURES: list[tuple[str, dict[str, Any]]] = [
    ("/nowhere", {"status": 404, "path": "/nowhere"}),
    ("/things/a%2Fb", {"status": 400}),
    ("/mine", {"status": 401, "route": "/mine", "problem": "token-missing"}),
    ("/gone", {"status": 503, "route": "/gone", "problem": "upstream-unavailable", "upstream_calls": 1}),
    ("/health/live", {"status": 200, "path": "/health/live"}),
]


async def test_a_request_that_fails_or_has_no_route_has_a_line_too(lines_of: LinesOf) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        for path, _ in FAILURES:
            await http.get(path)

    for line, (_, expected) in zip(await lines_of(ask), FAILURES, strict=True):
        assert {name: line.get(name) for name in expected} == expected
        assert line["request_id"]


async def test_a_line_has_the_version_of_its_client_and_nothing_else_that_it_may_claim(
    lines_of: LinesOf,
) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        for client in ("web/1.3.0", f"web/{JWT}", "reader@example.org"):
            await http.get("/things/7", headers={"X-Client": client})

    lines = await lines_of(ask)

    assert [line["client_version"] for line in lines] == ["web/1.3.0", "unknown", "unknown"]


async def test_a_refusal_by_a_limit_has_its_kind(lines_of: LinesOf) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        for _ in range(2):
            await http.get("/limited")

    passed, refused = await lines_of(ask)

    assert "problem" not in passed
    assert (refused["status"], refused["problem"], refused["upstream_calls"]) == (429, "rate-limited", 0)


async def test_a_streamed_answer_has_its_line_at_its_end_with_all_its_bytes(lines_of: LinesOf) -> None:
    async def pieces(exchange: Exchange) -> None:
        await exchange.start(200)
        for _ in range(3):
            await exchange.chunk(b"x" * 1000)
        await exchange.end()

    (line,) = await lines_of(lambda http: http.get("/files/a"), Stub(pieces))

    assert line["bytes"] == 3000


async def test_a_client_that_leaves_before_the_answer_has_a_line_without_a_status(lines_of: LinesOf) -> None:
    things = Stub(Exchange.until_left)

    async def ask(http: httpx.AsyncClient) -> None:
        asking = asyncio.create_task(http.get("/things/7"))
        await things.begun.wait()
        asking.cancel()
        await things.last.ended.wait()

    (line,) = await lines_of(ask, things)

    assert "status" not in line


SECRETS: list[tuple[str, dict[str, str]]] = [
    ("/things/7", {"Authorization": "Bearer SECRET"}),
    ("/things/7", {"Authorization": "Basic SECRET"}),
    ("/things/7", {"Cookie": "__Host-Http-session=SECRET"}),
    ("/things/7", {"X-Forwarded-For": "SECRET", "User-Agent": "SECRET", "Referer": "http://SECRET/"}),
    ("/things/7", {"X-Request-Id": 'SECRET"}\t{"status": 200'}),
    ("/things/7", {"traceparent": "SECRET", "tracestate": "SECRET=1", "baggage": "SECRET=1"}),
    ("/things/7?access_token=SECRET&code=SECRET", {}),
    ("/things/7?SECRET@example.test", {}),
    (f"/things/7?{JWT}SECRET", {}),
    ("/things/SECRET@example.test", {}),
    ("/things/SECRET%40example.test", {}),
    ("/things/SECRET%2540example.test", {}),
    (f"/things/{JWT}SECRET", {}),
    ("/nowhere/SECRET@example.test", {}),
    ("/things/7;jsessionid=SECRET", {}),
]


async def test_nothing_secret_or_personal_is_logged(lines_of: LinesOf, log_path: Path) -> None:
    setting = answering(200, b"SECRET", (b"set-cookie", b"id=SECRET"), (b"location", b"/SECRET"))

    async def ask(http: httpx.AsyncClient) -> None:
        for path, headers in SECRETS:
            await http.get(path, headers=headers)

    lines = await lines_of(ask, Stub(setting))

    assert len(lines) == len(SECRETS)
    assert [line for line in text(log_path).splitlines() if "SECRET" in line] == []


async def test_no_request_makes_a_second_line_or_moves_a_terminals_cursor(
    lines_of: LinesOf, log_path: Path
) -> None:
    attempts = (
        b"/things/a%0A%7B%22status%22%3A200%7D",
        b"/things/%1B%5B31m",
        b'/things/"}',
        b"/x?a%0Ab=1&%1B[2J=1",
    )

    async def ask(http: httpx.AsyncClient) -> None:
        end = b' HTTP/1.1\r\nHost: x\r\nX-Request-Id: a"\xff}\r\nConnection: close\r\n\r\n'
        for attempt in attempts:
            await said(str(http.base_url), b"GET " + attempt + end)

    lines = await lines_of(ask)

    assert [line["method"] for line in lines] == ["GET"] * len(attempts)
    assert all(32 <= byte < 127 for byte in text(log_path).encode().replace(b"\n", b""))
    assert text(log_path).encode().count(b"\n") == len(attempts)


async def test_a_user_is_logged_as_a_hash(lines_of: LinesOf, log_path: Path, bearer: MakeToken) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        for user in ("reader", "writer", "reader"):
            await http.get("/mine", headers=bearer(user))

    first, other, again = await lines_of(ask)

    assert first["user"] == again["user"] != other["user"]
    assert "reader" not in text(log_path)
    assert len(first["user"]) == 18


@pytest.mark.parametrize(
    ("addresses", "peer", "logged"),
    [
        (Addresses.NETWORK, "192.0.2.7", "192.0.2.0/24"),
        (Addresses.NETWORK, "2001:db8:1:2::7", "2001:db8:1::/48"),
        (Addresses.NETWORK, "::ffff:192.0.2.7", "192.0.2.0/24"),
        (Addresses.NETWORK, "fe80::1%eth0", "fe80::/48"),
        (Addresses.WHOLE, "192.0.2.7", "192.0.2.7"),
        (Addresses.NONE, "192.0.2.7", None),
        (Addresses.WHOLE, "evil\nline", None),
    ],
)
def test_addresses_are_logged_whole_shortened_or_not_at_all(
    addresses: Addresses, peer: str, logged: str | None
) -> None:
    assert LineFormatter(addresses, b"secret").client(peer) == logged


async def test_the_client_is_the_one_behind_a_trusted_proxy_with_or_without_a_route(
    lines_of: LinesOf,
) -> None:
    async def ask(http: httpx.AsyncClient) -> None:
        for path in ("/things/7", "/nowhere", "/health/live"):
            await http.get(path, headers={"X-Forwarded-For": "203.0.113.7"})

    lines = await lines_of(ask, edge={"trusted_proxies": ["127.0.0.1"]})

    assert [line["client"] for line in lines] == ["203.0.113.0/24"] * 3


async def test_a_preflight_has_a_line_of_its_route_too(lines_of: LinesOf) -> None:
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    (line,) = await lines_of(lambda http: http.options("/shared", headers=preflight))

    assert (line["method"], line["route"], line["status"]) == ("OPTIONS", "/shared", 204)
