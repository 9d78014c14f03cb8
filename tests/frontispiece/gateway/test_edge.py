"""The gateway as its clients see it: routing, and the problems of requests without a route."""

import logging
from pathlib import Path
from typing import Any, Never

import httpx
import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway import forward
from frontispiece.gateway.app import GatewaySettings, create_app
from frontispiece.settings import Directory
from tests.frontispiece.conftest import ROUTES, assert_problem
from tests.support.issuer import Issuer
from tests.support.recorder import said, statuses
from tests.support.serving import Serve
from tests.support.stub import Exchange, Stub, answering
from tests.support.tables import route, route_table
from tests.support.waiting import until
from tests.support.world import OpenWorld, World, gateway_of


async def at(edge: World, target: bytes, method: str = "GET", **options: object) -> httpx.Response:
    """The answer to exactly this request target, which no client library has made neater."""
    return await edge.http.request(method, "/", extensions={"target": target}, **options)  # type: ignore[arg-type]


async def test_segments_arrive_as_they_were_meant(edge: World) -> None:
    for target, reached in [
        (b"/things/a%20b", b"/inner/a%20b"),
        (b"/things/caf%C3%A9", b"/inner/caf%C3%A9"),
        (b"/things/%61%7e", b"/inner/a~"),
        (b"/things/100%25", b"/inner/100%25"),
        (b"/things/%252f", b"/inner/%252f"),
        (b"/things/a%3Fb%23c", b"/inner/a%3Fb%23c"),
        (b"/things/a;v=1,2&'(x)!", b"/inner/a;v=1,2&'(x)!"),
        (b"/things/a%3Bv%3d1%2C2%26%27%28x%29%21", b"/inner/a%3Bv%3d1%2C2%26%27%28x%29%21"),
        (b"/files/a%2Bb+c/%40%3A%24%2A", b"/files/a%2Bb+c/%40%3A%24%2A"),
        (b"/things/%5Bx%5D%7B%7D%22%3C%3E%5E%60%7C", b"/inner/%5Bx%5D%7B%7D%22%3C%3E%5E%60%7C"),
        (b"/files/a%20b/c/", b"/files/a%20b/c/"),
        (b"/files/", b"/files/"),
    ]:
        assert (await at(edge, target)).status_code == 200, target
        assert edge.things.last.path == reached, target


async def test_every_escape_reaches_the_service_as_it_came_or_is_refused(edge: World) -> None:
    unreserved = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    escapes = [escape % byte for byte in range(256) for escape in (b"%%%02X", b"%%%02x")]
    end = b"y/z HTTP/1.1\r\nHost: a\r\n"
    heads = b"\r\n".join(b"GET /files/x" + escape + end for escape in escapes)

    answers = statuses(await said(edge.url, heads + b"Connection: close\r\n\r\n"))

    refused = [byte for byte in range(256) if byte < 0x20 or byte >= 0x7F or byte in b"/\\"]
    assert answers == [400 if int(escape[1:], 16) in refused else 200 for escape in escapes]
    reached = [
        exchange.path.removeprefix(b"/files/x").removesuffix(b"y/z") for exchange in edge.things.requests
    ]
    passed = [escape for escape in escapes if int(escape[1:], 16) not in refused]
    decoded = [bytes([int(escape[1:], 16)]) for escape in passed]
    assert reached == [c if c in unreserved else e for c, e in zip(decoded, passed, strict=True)]


QUERIES = [
    b"a=1&a=2&b",
    b"q=a%20b+c&d=%2F%2f",
    b"q=%zz&%",
    b"q='\"<>[]{}|\\^`",
    b"a;b=c/d?e=:@!$()*,",
    b"x=%C3%A9%FF",
    b"page[size]=2&page%5Bsize%5D=3",
    b"?&&=",
]


async def test_the_query_stays_unchanged_wherever_it_goes_on(open_world: OpenWorld) -> None:
    policies: dict[str, Any] = {
        "mirror": {"to": "shadow"},
        "split": [{"to": "variant", "when": {"header": "x-variant", "equals": "1"}}],
        "retry": {"on": ["503"]},
        "cache": {"ttl": "1m"},
    }
    world = await open_world(route_table(route(**policies)))

    async def failing_once(exchange: Exchange) -> None:
        await answering(503 if len(world.things.requests) == 1 else 200, b"")(exchange)

    world.things.answer = failing_once
    for query in QUERIES:
        for stub in (world.things, world.shadow):
            stub.requests.clear()
        assert (await at(world, b"/a?" + query)).status_code == 200
        assert (await at(world, b"/a?" + query + b"&")).status_code == 200
        assert (await at(world, b"/a?" + query, headers={"X-Variant": "1"})).status_code == 200
        await until(lambda: len(world.shadow.requests) == 3)

        assert [exchange.query for exchange in world.things.requests] == [query, query, query + b"&"]
        assert sorted(exchange.query for exchange in world.shadow.requests) == [query, query, query + b"&"]
        assert world.variant.last.query == query


async def test_a_path_of_no_route_is_a_404_problem(edge: World) -> None:
    for path in ("/", "/nothing", "/things", "/things/7/more", "/inner/7", "/things/"):
        assert_problem(await edge.http.get(path), 404, "no-route")
    assert not edge.things.requests


async def test_another_method_is_a_405_problem_that_says_which_there_are(edge: World) -> None:
    answer = await edge.http.delete("/things/7")

    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST, PUT"
    assert_problem(await edge.http.options("/things/7"), 405, "method-not-allowed")


async def test_head_is_passed_on_and_answered_without_a_body(edge: World) -> None:
    edge.things.answer = answering(200, b"", (b"content-length", b"4711"), (b"etag", b'"1"'))

    answer = await edge.http.head("/things/7")

    assert edge.things.last.method == "HEAD"
    assert (answer.status_code, answer.content) == (200, b"")
    assert (answer.headers["content-length"], answer.headers["etag"]) == ("4711", '"1"')
    refused = await edge.http.head("/nothing")
    assert (refused.status_code, refused.content) == (404, b"")


async def test_an_answer_without_a_body_stays_one_and_leaves_the_connection_usable(edge: World) -> None:
    for status in [204, 304]:
        edge.things.answer = answering(status, b"", (b"etag", b'"1"'))

        for _ in range(2):
            answer = await edge.http.get("/things/7", headers={"If-None-Match": '"1"'})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (status, b"", '"1"'), (
                status
            )
            assert "transfer-encoding" not in answer.headers, status
        assert edge.things.last.all(b"if-none-match") == [b'"1"'], status


async def test_a_redirect_is_the_clients_to_follow(edge: World) -> None:
    edge.things.answer = answering(307, b"", (b"location", b"http://elsewhere.test/"))

    answer = await edge.http.get("/things/7")

    assert (answer.status_code, answer.headers["location"]) == (307, "http://elsewhere.test/")


async def test_any_response_of_a_service_is_passed_on(edge: World) -> None:
    for status in [400, 404, 422, 500, 503]:
        edge.things.answer = answering(
            status,
            b'{"type":"urn:x"}',
            (b"content-type", b"application/problem+json"),
            (b"retry-after", b"7"),
        )

        answer = await edge.http.get("/things/7")

        assert (answer.status_code, answer.content) == (status, b'{"type":"urn:x"}'), status
        assert (answer.headers["content-type"], answer.headers["retry-after"]) == (
            "application/problem+json",
            "7",
        )


async def test_a_route_of_one_host_is_served_there_only(serve: Serve, open_world: OpenWorld) -> None:
    things = Stub()
    routes = route_table(route(host="Shop.test"))
    http = (await open_world(routes, things=things)).http

    assert (await http.get("/a", headers={"Host": "shop.test"})).status_code == 200
    for same in ("SHOP.test:8080", "shop.test:", "shop.test.", "shop.test.:80"):
        assert (await http.get("/a", headers={"Host": same})).status_code == 200
    assert_problem(await http.get("/a", headers={"Host": "shop.test.test"}), 404, "no-route")
    assert_problem(await http.get("/a"), 404, "no-route")
    assert_problem(await http.get("/a", headers={"X-Forwarded-Host": "shop.test"}), 404, "no-route")


async def test_a_bug_is_a_500_problem_without_details(
    edge: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **_options: object) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(forward, "to_service", broken)
    with caplog.at_level(logging.ERROR):
        answer = await edge.http.get("/things/7", headers={"X-Request-Id": "r-1"})

    assert_problem(answer, 500, "internal-error")
    assert answer.json()["request_id"] == "r-1"
    assert "secret" not in answer.text
    assert "ZeroDivision" not in answer.text
    assert "a secret of the inside" in caplog.text
    assert "request r-1 failed" in caplog.text


async def test_the_gateway_speaks_no_other_protocols(issuer: Issuer) -> None:
    gateway = gateway_of(ROUTES, {"things": "http://a", "gone": "http://b"}, issuer=issuer)

    async def never() -> dict[str, str]:
        raise AssertionError("nothing is read")

    async def nothing(_message: object) -> None:
        raise AssertionError("nothing is sent")

    with pytest.raises(RuntimeError, match="quic"):
        await gateway({"type": "quic"}, never, nothing)


def lacks_addresses() -> Never:
    """The factory of a BFF that finds no address for two services."""
    raise ConfigError(["SERVICES names no address for 'a'", "SERVICES names no address for 'b'"])


async def test_all_that_settings_lack_is_named_before_anything_is_served(
    tmp_path: Path, issuer: Issuer
) -> None:
    file = tmp_path / "routes.toml"
    bff = f'[services.bff]\nurl = "app://{__name__}:lacks_addresses"\n'
    file.write_text(f"{bff}{ROUTES}")

    with pytest.raises(ConfigError) as refusal:
        create_app(
            GatewaySettings(
                routes=file,
                directory=Directory(services={"gone": "gopher://x"}),
                issuer=issuer.settings,
            )
        )
    without_key, *addresses = refusal.value.errors
    assert without_key.startswith("GATEWAY_SIGNING_KEY: ")
    assert addresses == [
        "services: bff: SERVICES names no address for 'a'",
        "services: bff: SERVICES names no address for 'b'",
        (
            "services: things: SERVICES names no address for 'things': "
            "front up has the apps of frontispiece.toml there"
        ),
        (
            "services: gone: SERVICES: gone: 'gopher://x' is no address: it begins with none of "
            "http://, https://, h2://, httpx+http://, grpc://, grpcs://, registry://, dns://, srv://, app://"
        ),
    ]
