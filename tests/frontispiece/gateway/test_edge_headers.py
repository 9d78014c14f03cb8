"""What the gateway takes from, adds to and leaves alone in the headers of both directions."""

import asyncio
import re

import httpx

from frontispiece.http.asgi import Receive, Scope, Send
from tests.support.recorder import said, statuses
from tests.support.serving import raw_server
from tests.support.stub import answering
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World

THINGS = route_table(route())


async def test_other_headers_are_passed_on_in_order_and_as_often_as_they_come(edge: World) -> None:
    sent = [("Accept", "a/b"), ("X-Many", "1"), ("X-Other", "-"), ("X-Many", "2"), ("Accept", "c/d")]

    await edge.http.get("/things/7", headers=sent)

    got = [field for field in edge.things.last.headers if field[0] in {b"x-many", b"x-other", b"accept"}]
    assert got == [(name.lower().encode(), value.encode()) for name, value in sent]


async def test_every_set_cookie_reaches_the_client_by_itself(edge: World) -> None:
    cookies = [b"a=1; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT", b"b=2; HttpOnly", b"a=3"]
    edge.things.answer = answering(200, b"", *((b"set-cookie", value) for value in cookies))

    answer = await edge.http.get("/things/7")

    assert answer.headers.get_list("set-cookie") == [value.decode() for value in cookies]


async def test_the_host_that_a_service_sees_is_its_own(edge: World) -> None:
    await edge.http.get("/things/7", headers={"Host": "shop.test"})

    (host,) = edge.things.last.all(b"host")
    assert host.startswith(b"127.0.0.1:")


async def test_servers_may_give_each_field_as_a_list(edge: World) -> None:
    async def listed(scope: Scope, receive: Receive, send: Send) -> None:
        await edge.gateway({**scope, "headers": [[*each] for each in scope["headers"]]}, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(listed), base_url="http://shop.test") as http:
        answer = await http.get("/things/7")

    assert answer.status_code == 200
    assert edge.things.last.all(b"x-forwarded-host") == [b"shop.test"]


async def test_interim_responses_reach_clients_that_can_read_them_before_the_final_one(
    open_world: OpenWorld,
) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nKeep-Alive: x\r\n")
        writer.write(b"X-Request-Id: its own\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    async with asyncio.timeout(60), raw_server(talk) as url:
        gateway = (await open_world(THINGS, things=url)).url
        answer = await said(gateway, b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        old = await said(gateway, b"GET /a HTTP/1.0\r\n\r\n")

    interim, _, final = answer.partition(b"\r\n\r\n")
    assert interim == b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload"
    assert (statuses(final), final[-2:]) == ([200], b"hi")
    assert (statuses(old), old[-2:]) == ([200], b"hi")


# Fields of one connection only.


async def test_fields_that_connection_names_end_at_the_gateway_in_both_directions(edge: World) -> None:
    edge.things.answer = answering(
        200, b"", (b"connection", b"keep-alive, X-Hop"), (b"x-hop", b"1"), (b"x-kept", b"1")
    )

    answer = await edge.http.get(
        "/things/7",
        headers=[
            ("Connection", "X-Hop , x-second"),
            ("Connection", "x-third"),
            ("X-Hop", "1"),
            ("X-Kept", "1"),
            ("X-Second", "2"),
            ("X-Third", "3"),
        ],
    )

    seen = {name for name, _ in edge.things.last.headers}
    assert {b"x-hop", b"x-second", b"x-third"}.isdisjoint(seen)
    assert b"x-kept" in seen
    assert ("x-hop" in answer.headers, answer.headers["x-kept"]) == (False, "1")


async def test_connection_can_take_away_nothing_that_the_gateway_adds(edge: World) -> None:
    names = "X-Request-Id, Traceparent, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host"

    await edge.http.get("/things/7", headers={"Connection": names})

    for name in names.lower().split(", "):
        assert len(edge.things.last.all(name.encode())) == 1, name


async def test_connection_may_name_the_host_without_taking_it_away(edge: World) -> None:
    answer = await edge.http.get("/things/7", headers={"Connection": "Host", "Host": "shop.test"})

    assert answer.status_code == 200
    assert edge.things.last.all(b"x-forwarded-host") == [b"shop.test"]


async def test_a_field_that_cgi_would_take_for_a_proxy_setting_is_dropped(edge: World) -> None:
    await edge.http.get("/things/7", headers={"Proxy": "http://192.0.2.1"})

    assert edge.things.last.all(b"proxy") == []


async def test_not_modified_may_tell_the_length_of_what_was_not_sent(open_world: OpenWorld) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nContent-Length: 4711\r\n\r\n')

    async with raw_server(talk) as url:
        http = (await open_world(THINGS, things=url)).http
        for _ in range(2):
            answer = await http.get("/a")
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1"')


# Identity and forwarding.


UNTRUSTED = (
    *("x-original-url", "x-rewrite-url", "x-envoy-external-address", "x-arr-clientcert", "front-end-https"),
    *("x-host", "x-scheme", "x-url-scheme", "x-http-method-override", "x-method-override"),
    *("x-appengine-user-ip", "x-azure-socketip", "cloudfront-viewer-address", "x-user-id", "x-auth-email"),
    *("x-authenticated-userid", "x-identity", "x-remote-user", "remote-user", "x-consumer-name"),
    *("x-amzn-oidc-data", "x-goog-authenticated-user-email", "x-goog-iap-jwt-assertion"),
    *("x-ms-client-principal", "cf-access-jwt-assertion", "x-webauth-user", "tailscale-user-login"),
    *("x-pomerium-jwt-assertion", "client-cert", "x-client-cert", "ssl-client-s-dn", "x-ssl-cert"),
    *("x-internal-token", "x-mirrored", "forwarded", "x-forwarded", "x-forwarded-port", "forwarded-for"),
    *("x-forward-for", "z-forwarded-for", "x-vercel-forwarded-for", "x-real-ip", "real-ip", "client-ip"),
    *("x-client-ip", "x-true-client-ip", "true-client-ip", "cf-connecting-ip", "cf-connecting-ipv6"),
    *("cf-pseudo-ipv4", "incap-client-ip", "ali-cdn-real-ip", "cdn-src-ip", "x-sucuri-clientip"),
    *("x-originating-ip", "x-nf-client-connection-ip", "x-proxyuser-ip", "x-ip", "x-realip", "remote-addr"),
    *("x-client-addr", "x-client-address", "x-peer-addr", "x-ipaddress", "x-srcip", "x-cdn-requestip"),
    *("source-address", "remote-address", "x-enduserip", "x-origip", "x-remotehost", "client-host"),
    *("cf-ipcountry", "cf-ipcity", "x-geoip-country", "x-ip-consent", "x-forwardedfor", "z-forwardfor"),
    *("x-endpoint-api-userinfo", "x-apigateway-api-userinfo", "x-ms-token-aad-id-token", "x-vouch-user"),
    *("x-authentik-username", "remote-groups", "remote-email", "oidc-claim-sub", "x-tls-client-cert"),
    *("x-forwarded.for", "x.real.ip", "x_color", "x~color", "x" * 257),
)
"""Names that services, or the programs before them, take for a client's address or identity."""


async def test_identity_headers_of_a_client_are_dropped(edge: World) -> None:
    passed_on = [
        "x-zip",
        "x-ship-to",
        "content-description",
        "x-membership",
        "x-forward-to",
        "x-fast-forward",
        "x" * 256,
    ]

    for names in (UNTRUSTED[:60], [*UNTRUSTED[60:], *passed_on]):  # a request has at most 100
        await edge.http.get("/things/7", headers=dict.fromkeys(names, "forged"))

    sent = [field for exchange in edge.things.requests for field in exchange.headers]
    assert [name.decode() for name, value in sent if value == b"forged"] == passed_on


async def test_forwarding_headers_come_from_the_gateway_alone(edge: World) -> None:
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Port": "6",
        "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "Client-IP": "6.6.6.6",
        "Forwarded-For": "6.6.6.6",
        "X-Forwarded": "6.6.6.6",
        "Fastly-Client-IP": "6.6.6.6",
        "X-Cluster-Client-IP": "6.6.6.6",
    }
    await edge.http.get("/things/7", headers={"Host": "shop.test:8080", **forged})

    forwarding = [
        field
        for field in edge.things.last.headers
        if b"forwarded" in field[0] or field[0].endswith(b"-ip") or b"6.6.6.6" in field[1]
    ]
    assert sorted(forwarding) == [
        (b"x-forwarded-for", b"127.0.0.1"),
        (b"x-forwarded-host", b"shop.test:8080"),
        (b"x-forwarded-proto", b"http"),
    ]


async def test_a_client_that_names_no_host_is_served_all_the_same(edge: World) -> None:
    url = edge.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"GET /things/7 HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 200 ")

    assert edge.things.last.all(b"x-forwarded-host") == [b""]


# Names of a request.


async def test_a_request_without_an_id_gets_one(edge: World) -> None:
    first, second = await edge.http.get("/things/7"), await edge.http.get("/things/7")

    names = [exchange.all(b"x-request-id") for exchange in edge.things.requests]
    assert [[answer.headers["x-request-id"].encode()] for answer in (first, second)] == names
    assert names[0] != names[1]
    assert all(re.fullmatch(rb"[0-9a-f]{32}", name) for [name] in names)


async def test_a_valid_request_id_is_on_responses_and_problems(edge: World) -> None:
    edge.things.answer = answering(200, b"", (b"x-request-id", b"another"))
    name = "Order_17.retry-2"

    answer = await edge.http.get("/things/7", headers={"X-Request-Id": name})
    problem = await edge.http.get("/nothing", headers={"X-Request-Id": name})

    assert edge.things.last.all(b"x-request-id") == [name.encode()]
    assert answer.headers.get_list("x-request-id") == [name]
    assert (problem.headers["x-request-id"], problem.json()["request_id"]) == (name, name)


async def test_an_invalid_request_id_is_replaced(edge: World) -> None:
    for name in ["", "a b", "x" * 65, "<script>", "a,b", 'a"b', "a/b"]:
        answer = await edge.http.get("/things/7", headers={"X-Request-Id": name})

        (given,) = edge.things.last.all(b"x-request-id")
        assert given != name.encode(), name
        assert answer.headers["x-request-id"] == given.decode(), name


async def test_a_trace_goes_on_as_it_came_or_is_begun(edge: World) -> None:
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    await edge.http.get("/things/7", headers={"traceparent": f"00-{trace}-{span}-01", "tracestate": "a=1"})
    assert edge.things.last.all(b"traceparent") == [f"00-{trace}-{span}-01".encode()]
    assert edge.things.last.all(b"tracestate") == [b"a=1"]

    for broken in (None, "nonsense", f"00-{'0' * 32}-{span}-01", f"00-{trace}-{'0' * 16}-01"):
        await edge.http.get(
            "/things/7", headers={"tracestate": "a=1"} | ({"traceparent": broken} if broken else {})
        )
        assert edge.things.last.all(b"tracestate") == []
        (begun,) = edge.things.last.all(b"traceparent")
        assert re.fullmatch(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-00", begun)
        assert trace.encode() not in begun
