"""The client's address behind proxies, and forged forwarding headers."""

from ipaddress import ip_address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.errors import ConfigError
from frontispiece.gateway.config.edge import Edge, ForwardedStyle
from frontispiece.gateway.config.table import parse
from frontispiece.gateway.forwarded import MAX_HOPS, TrustedProxies
from frontispiece.http.messages import Headers, HeaderSection
from tests.support.serving import Serve
from tests.support.stub import Stub
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld

NEAR = "10.0.0.1"
X = TrustedProxies(Edge(trusted_proxies=("10.0.0.0/8", "192.0.2.9", "fd00::/8")))
RFC = TrustedProxies(Edge(trusted_proxies=("10.0.0.0/8",), forwarded_header=ForwardedStyle.FORWARDED))


def x(*values: str, proto: str | None = None) -> HeaderSection:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in values]
    return HeaderSection(headers + ([(b"x-forwarded-proto", proto.encode())] if proto else []))


def rfc(*values: str) -> HeaderSection:
    return HeaderSection([(b"forwarded", value.encode("latin-1")) for value in values])


CLIENTS = {
    ("203.0.113.5",): "203.0.113.5",
    ("198.51.100.1, 203.0.113.5",): "203.0.113.5",
    ("203.0.113.5, 192.0.2.9, 10.9.9.9",): "203.0.113.5",
    ("198.51.100.1", "203.0.113.5", "10.2.2.2"): "203.0.113.5",
    ("203.0.113.5:4711",): "203.0.113.5",
    ("2001:DB8::0:1",): "2001:db8::1",
    ("[2001:db8::1]",): "2001:db8::1",
    ("[2001:db8::1]:443, fd00::7",): "2001:db8::1",
    ("::ffff:203.0.113.5, ::ffff:10.1.1.1",): "203.0.113.5",
    (" ,\t203.0.113.5 ,, ",): "203.0.113.5",
    ("10.3.3.3, 10.2.2.2",): "10.3.3.3",
    (): NEAR,
    ("",): NEAR,
    ("unknown",): NEAR,
    ("203.0.113.5, nonsense",): NEAR,
    ("203.0.113.5, nonsense, 10.2.2.2",): "10.2.2.2",
    ("2130706433",): NEAR,
    ("[203.0.113.5",): NEAR,
    ("203.0.113.5:port",): NEAR,
    ('"203.0.113.5"',): NEAR,
    ("203.0.113.5\xa0",): NEAR,
    ("\xb2\xb3.0.113.5",): NEAR,
}
"""The address of the client, by the values of X-Forwarded-For."""


def test_the_client_is_the_nearest_address_that_is_no_trusted_proxy() -> None:
    found = {said: X.client(NEAR, "http", x(*said)) for said in CLIENTS}

    assert found == {said: (client, "http") for said, client in CLIENTS.items()}


@pytest.mark.parametrize(
    ("said", "proto", "scheme"),
    [
        ("203.0.113.5", "https", "https"),
        ("203.0.113.5", "HTTPS", "https"),
        ("203.0.113.5", "https, http", "http"),
        ("203.0.113.5, 10.2.2.2", "https, http", "https"),
        ("203.0.113.5, 10.2.2.2", "https", "https"),
        ("203.0.113.5", "javascript", "http"),
        ("nonsense", "https", "http"),
    ],
)
def test_the_scheme_is_reported_by_the_clients_own_proxy(said: str, proto: str, scheme: str) -> None:
    assert X.client(NEAR, "http", x(said, proto=proto))[1] == scheme


@pytest.mark.parametrize(
    ("said", "client", "scheme"),
    [
        (("for=203.0.113.5",), "203.0.113.5", "http"),
        (("For=203.0.113.5; Proto=HTTPS; by=10.0.0.1",), "203.0.113.5", "https"),
        (('for="[2001:db8::1]:4711"',), "2001:db8::1", "http"),
        (('for="203.0.113.5:80";proto="https"',), "203.0.113.5", "https"),
        (("for=198.51.100.1;proto=https, for=203.0.113.5",), "203.0.113.5", "http"),
        (("for=203.0.113.5;proto=https, for=10.2.2.2;proto=http",), "203.0.113.5", "https"),
        (("for=198.51.100.1", "for=203.0.113.5", "for=10.2.2.2"), "203.0.113.5", "http"),
        (('for="203.0.113\\.5"',), "203.0.113.5", "http"),
        (("for=_hidden", "for=10.2.2.2"), "10.2.2.2", "http"),
        (("for=unknown",), NEAR, "http"),
        (("proto=https",), NEAR, "http"),
        (("for=203.0.113.5 for=198.51.100.1",), NEAR, "http"),
        (("for=203.0.113.5;for=198.51.100.1",), NEAR, "http"),
        (("for=",), NEAR, "http"),
        (('for="198.51.100.1, for=203.0.113.5',), NEAR, "http"),
        (('for=198.51.100.1, for="x, for="[2001:db8::1]"',), NEAR, "http"),
        (('for="', "for=203.0.113.5"), "203.0.113.5", "http"),
    ],
)
def test_the_standard_header_is_walked_alike_and_one_that_cannot_be_read_is_not_believed(
    said: tuple[str, ...], client: str, scheme: str
) -> None:
    assert RFC.client(NEAR, "http", rfc(*said)) == (client, scheme)


def test_the_header_that_the_proxies_do_not_write_is_never_believed() -> None:
    both = HeaderSection([*x("203.0.113.5", proto="https"), *rfc("for=198.51.100.1;proto=https")])

    assert X.client(NEAR, "http", both) == ("203.0.113.5", "https")
    assert X.client(NEAR, "http", rfc("for=198.51.100.1;proto=https")) == (NEAR, "http")
    assert RFC.client(NEAR, "http", x("203.0.113.5", proto="https")) == (NEAR, "http")


@pytest.mark.parametrize(
    "headers", [x("203.0.113.5"), rfc("for=203.0.113.5"), [(b"x-forwarded-proto", b"https")]]
)
@pytest.mark.parametrize("edge", [Edge(), Edge(trusted_proxies=("192.0.2.9",))])
def test_a_proxy_that_is_not_trusted_is_logged_once(
    caplog: pytest.LogCaptureFixture, edge: Edge, headers: Headers
) -> None:
    proxies = TrustedProxies(edge)
    for peer in ("172.18.0.1", "172.18.0.1", "172.18.0.2"):
        assert proxies.client(peer, "http", HeaderSection([(b"host", b"a"), *headers])) == (peer, "http")

    (message,) = caplog.messages
    assert message.startswith(f"{headers[0][0].decode()} of 172.18.0.1 is ignored")
    assert "[edge] trusted_proxies" in message


def test_a_made_up_chain_is_not_walked_for_ever() -> None:
    chain = ["203.0.113.5", *(f"10.0.{n // 250}.{n % 250}" for n in range(5000))]

    client, _ = X.client(NEAR, "http", x(", ".join(chain)))
    assert client == chain[-MAX_HOPS]


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=60), max_size=4))
def test_whatever_the_headers_the_client_has_an_address(values: list[str]) -> None:
    for proxies, said in ((X, x(*values, proto="https")), (RFC, rfc(*values))):
        client, scheme = proxies.client(NEAR, "http", said)
        assert str(ip_address(client)) == client
        assert scheme in {"http", "https"}


def test_a_table_trusts_addresses_and_networks_only() -> None:
    with pytest.raises(ConfigError) as refusal:
        parse(
            route_table(
                route(),
                services={"things": "http://things"},
                edge={
                    "trusted_proxies": ["10.0.0.1/8", "proxy", "0.0.0.0/0", "::1"],
                    "forwarded_header": "both",
                },
            )
        )

    said = "\n".join(refusal.value.errors)
    assert "edge: trusted_proxies: 10.0.0.1/8 has host bits set" in said
    assert "'proxy' does not appear to be an IPv4 or IPv6 network" in said
    assert "'0.0.0.0/0' is everybody" in said
    assert "edge: forwarded_header: 'both' is none of 'x-forwarded' or 'forwarded'" in said


ROUTES = route_table(
    route("/few", rate_limit={"rate": "1/day", "by": "address"}), edge={"trusted_proxies": ["127.0.0.0/8"]}
)


async def test_behind_a_trusted_proxy_each_client_has_its_own_limit(
    serve: Serve, open_world: OpenWorld
) -> None:
    things = Stub()
    http: httpx.AsyncClient = (await open_world(ROUTES, things=things)).http

    async def status_of(*said: str) -> int:
        headers = [("X-Forwarded-For", each) for each in said]
        return (await http.get("/few", headers=[*headers, ("X-Forwarded-Proto", "https")])).status_code

    assert await status_of("203.0.113.5") == 200
    assert things.last.all(b"x-forwarded-for") == [b"203.0.113.5"]
    assert things.last.all(b"x-forwarded-proto") == [b"https"]
    assert await status_of("198.51.100.1, 203.0.113.5") == 429, "what the client itself says does not count"
    assert await status_of("198.51.100.1", "203.0.113.6") == 200
    assert things.last.all(b"x-forwarded-for") == [b"203.0.113.6"]
