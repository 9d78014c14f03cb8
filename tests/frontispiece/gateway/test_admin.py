"""The admin port: metrics, what operators are shown and may do, and what no web page may."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import httpx
import jwt
import pytest
from jwt import PyJWKSet

from frontispiece.cli.client.admin import AdminFailed
from frontispiece.cli.client.reload import reload
from frontispiece.errors import ConfigError
from frontispiece.gateway.admin import AdminSettings
from frontispiece.gateway.config import table
from tests.support import world as support
from tests.support.issuer import Issuer
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.stub import Exchange
from tests.support.tables import part, route, route_table
from tests.support.world import OpenWorld

ROUTES = route_table(
    route(
        "/things/{id}",
        to="things:/inner/{id}",
        auth="bearer",
        scopes=["shop"],
        rate_limit={"rate": "5/minute", "by": "user"},
        timeout="500ms",
    ),
    route("/many", timeout="2m", parts={"one": part("many:/one", optional=True)}),
    services={
        "things": {
            "breaker": {"min_requests": 1, "open_duration": "1m"},
            "concurrency": {"max_concurrent": 3, "max_queue": 2},
        },
        "many": {"url": ["http://127.0.0.1:1", "http://127.0.0.1:2"]},
    },
)

CACHED = route_table(route("/kept/{id}", to="things", cache={"ttl": "1h", "tags": ["pens"]}))

CSRF = {"X-CSRF": "1"}

TOKEN = "of-the-operators-alone"


class World(support.World):
    """A world with a client of the admin port."""

    admin: httpx.AsyncClient


@pytest.fixture
async def world(open_world: OpenWorld, serve: Serve) -> AsyncIterator[World]:
    world = cast(World, await open_world(ROUTES, reloads=True))
    settings = AdminSettings(admin="admin.internal:9100", admin_hosts=["Metrics.Test"], admin_token=TOKEN)
    async with client_of(await serve(world.gateway.admin_app(settings))) as world.admin:
        world.admin.headers["Authorization"] = f"Bearer {TOKEN}"
        yield world


@pytest.fixture
async def admin(edge: World, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the admin port of `edge`."""
    async with client_of(await serve(edge.gateway.admin_app())) as http:
        yield http


async def test_metrics_tell_what_the_public_port_has_answered(edge: World, admin: httpx.AsyncClient) -> None:
    for path in ("/things/7", "/things/8", "/gone", "/mine", "/nowhere"):
        await edge.http.get(path)

    answer = await admin.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        'gateway_requests_total{method="GET",route="/things/{id}",status="2xx"} 2.0',
        'gateway_requests_total{method="GET",route="/gone",status="5xx"} 1.0',
        'gateway_requests_total{method="GET",route="/mine",status="4xx"} 1.0',
        'gateway_requests_in_flight{route="/things/{id}"} 0.0',
        'gateway_upstream_calls_total{upstream="things"} 2.0',
        'gateway_upstream_failures_total{reason="unavailable",upstream="gone"} 1.0',
    ):
        assert line in lines
    assert "/nowhere" not in answer.text


async def test_what_callers_send_makes_no_new_labels(edge: World, admin: httpx.AsyncClient) -> None:
    for n in range(20):
        await edge.http.request(
            f"M{n}", f"/things/{n}", headers={"Host": f"h{n}.test", "X-Request-Id": f"r{n}"}
        )
        await edge.http.get(f"/things/{n}?q={n}")

    counted = [line for line in (await admin.get("/metrics")).text.splitlines() if "requests_total{" in line]
    assert counted == ['gateway_requests_total{method="GET",route="/things/{id}",status="2xx"} 20.0']


async def test_metrics_have_the_format_of_the_accept_header(edge: World, admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


async def test_the_admin_port_serves_nothing_else_and_the_public_port_no_metrics(
    edge: World, admin: httpx.AsyncClient
) -> None:
    for path in ("/", "/things/7", "/metrics/", "/health/live"):
        refused = await admin.get(path)
        assert (refused.status_code, refused.json()["type"]) == (404, "urn:frontispiece:problem:no-route")
    written = await admin.post("/metrics", content=b"x")
    assert (written.status_code, written.headers["allow"]) == (405, "GET, HEAD")
    assert (await admin.head("/metrics")).status_code == 200
    assert (await edge.http.get("/metrics")).status_code == 404


async def test_routes_shows_the_table_in_its_own_words(world: World) -> None:
    answer = await world.admin.get("/admin/routes")

    assert answer.headers["content-type"] == "application/json"
    shown = answer.json()
    things, many = shown["routes"]
    assert things["to"] == "things:/inner/{id}"
    assert (things["auth"], things["scopes"], things["timeout"]) == ("bearer", ["shop"], "500ms")
    assert things["rate_limit"] == [{"rate": "5/minute", "by": "user", "shared": False}]
    assert many["timeout"] == "2m"
    assert many["parts"]["one"]["from"] == "many:/one"
    assert shown["services"]["things"]["breaker"]["open_duration"] == "1m"


async def test_what_routes_shows_is_a_table_again(world: World) -> None:
    shown = (await world.admin.get("/admin/routes")).json()

    assert table.Table.model_validate(shown) == world.gateway.snapshot.table


async def test_upstreams_shows_addresses_calls_and_limits(world: World, issuer: Issuer) -> None:
    shown = {}

    async def look(exchange: Exchange) -> None:
        shown.update((await world.admin.get("/admin/upstreams")).json())
        await exchange.start(200)
        await exchange.end(b"{}")

    world.things.answer = look
    answer = await world.http.get("/things/1", headers=issuer.bearer("reader", "shop"))

    assert answer.status_code == 200
    assert shown["things"] == {
        "addresses": [{"url": world.services["things"]}],
        "breaker": {"state": "closed", "requests": 0, "failures": 0},
        "concurrency": {"max_concurrent": 3, "max_queue": 2, "in_flight": 1, "waiting": 0},
        "in_flight": 1,
    }
    assert [address["url"] for address in shown["many"]["addresses"]] == [
        "http://127.0.0.1:1",
        "http://127.0.0.1:2",
    ]
    after = (await world.admin.get("/admin/upstreams")).json()["things"]
    assert (after["in_flight"], after["concurrency"]["in_flight"]) == (0, 0)
    assert after["breaker"]["requests"] == 1


async def test_upstreams_shows_addresses_that_fail_and_circuits_that_are_open(
    world: World, issuer: Issuer
) -> None:
    await world.http.get("/many")
    many = (await world.admin.get("/admin/upstreams")).json()["many"]
    assert [(each["healthy"], each["failures"] > 0) for each in many["addresses"]] == [(True, True)] * 2

    world.written.append(ROUTES.replace('"registry://things"', f'"{nobody_there()}"'))
    await world.admin.post("/admin/reload", headers=CSRF)
    await world.http.get("/things/1", headers=issuer.bearer("reader", "shop"))
    breaker = (await world.admin.get("/admin/upstreams")).json()["things"]["breaker"]
    assert breaker["state"] == "open"
    assert 0 < breaker["probe_in"] <= 60


async def test_a_reload_serves_the_table_as_it_is_now(world: World) -> None:
    world.written.append(ROUTES.replace("/many", "/more"))
    done = await world.admin.post("/admin/reload", headers=CSRF)
    again = await world.admin.post("/admin/reload", json={})

    assert (done.status_code, done.json()) == (200, {"outcome": "done", "routes": 2})
    assert again.json() == {"outcome": "unchanged", "routes": 2}
    assert (await world.http.get("/more")).status_code == 200


async def test_a_faulty_table_is_answered_with_every_fault(world: World) -> None:
    world.written.append(ROUTES.replace('auth = "none"', 'auth = "maybe"').replace('"5/minute"', '"fast"'))
    refused = await world.admin.post("/admin/reload", headers=CSRF)

    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:frontispiece:problem:table-faulty"
    assert len(refused.json()["errors"]) == 2
    assert (await world.http.get("/many")).status_code == 200


async def test_the_key_set_verifies_internal_tokens(world: World, issuer: Issuer) -> None:
    await world.http.get("/things/1", headers=issuer.bearer("reader", "shop"))
    (header,) = world.things.last.all(b"authorization")
    token = header.decode().removeprefix("Bearer ")
    answer = await world.admin.get("/admin/jwks")

    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert "d" not in answer.json()["keys"][0]
    key = PyJWKSet.from_dict(answer.json())[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, audience="things", algorithms=["EdDSA"])["sub"] == "reader"


@pytest.mark.parametrize(
    ("query", "purged"),
    [
        ("path=/kept/a%20b", 1),
        ("path=/kept", 0),
        ("tag=pens", 2),
        ("tag=ink", 0),
        ("all", 2),
        ("all=true", 2),
    ],
)
async def test_the_cache_is_purged_by_path_by_tag_or_whole(world: World, query: str, purged: int) -> None:
    await world.serve_table(CACHED)
    for path in ("/kept/a%20b", "/kept/c"):
        await world.http.get(path)

    assert (await world.admin.delete(f"/admin/cache?{query}", headers=CSRF)).json() == {"purged": purged}
    for path in ("/kept/a%20b", "/kept/c"):
        await world.http.get(path)
    assert len(world.things.requests) == 2 + purged


async def test_a_purge_that_is_not_clear_is_refused(world: World) -> None:
    await world.serve_table(CACHED)
    for query in ["", "?path=", "?path=things", "?tag=", "?all=no", "?path=/a&tag=b", "?x=1"]:
        assert (await world.admin.delete(f"/admin/cache{query}", headers=CSRF)).status_code == 400, query


async def test_without_a_cache_or_a_file_there_is_nothing_to_purge_or_reload(world: World) -> None:
    world.gateway.reloader = None

    assert (await world.admin.delete("/admin/cache?all", headers=CSRF)).status_code == 404
    assert (await world.admin.post("/admin/reload", headers=CSRF)).status_code == 404


async def test_each_page_has_its_own_method(world: World) -> None:
    for method, path, allow in [
        ("POST", "/admin/routes", "GET, HEAD"),
        ("DELETE", "/admin/upstreams", "GET, HEAD"),
        ("GET", "/admin/reload", "POST"),
        ("OPTIONS", "/admin/reload", "POST"),
        ("GET", "/admin/cache", "DELETE"),
    ]:
        refused = await world.admin.request(method, path, headers=CSRF)

        assert (refused.status_code, refused.headers["allow"]) == (405, allow), method


async def test_no_form_of_a_page_changes_anything(world: World) -> None:
    before = world.gateway.snapshot
    world.written.append(ROUTES.replace("/many", "/more"))
    for headers in [
        {},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"X-CSRF": "0"},
    ]:
        reloaded = await world.admin.post("/admin/reload", headers=headers)
        purged = await world.admin.delete("/admin/cache?all", headers=headers)

        for refused in (reloaded, purged):
            assert (refused.status_code, refused.json()["title"]) == (403, "Csrf header missing")
        assert world.gateway.snapshot is before, headers


async def test_a_page_whose_name_leads_here_is_refused(world: World) -> None:
    for path in ["/metrics", "/admin/routes"]:
        for host in ["evil.test", "evil.test:9100", "", "127.0.0.1.evil.test", "localhost.test"]:
            refused = await world.admin.get(path, headers={"Host": host})

            assert refused.status_code == 421, path


async def test_a_page_of_another_origin_is_refused(world: World) -> None:
    for path in ["/metrics", "/admin/routes", "/admin/nothing"]:
        for origin in ["http://evil.test", "null", "https://127.0.0.1", "http://localhost:3000", ""]:
            refused = await world.admin.get(path, headers={"Origin": origin})

            assert (refused.status_code, refused.json()["title"]) == (403, "Cross site")


async def test_a_page_of_its_own_is_answered(world: World) -> None:
    headers = {"Host": "localhost:9100", "Origin": "http://localhost:9100"}

    assert (await world.admin.get("/admin/routes", headers=headers)).status_code == 200


async def test_without_the_token_nothing_is_answered(world: World) -> None:
    del world.admin.headers["Authorization"]
    for header, kind in [
        (None, "token-missing"),
        ("", "token-missing"),
        (f"Basic {TOKEN}", "token-missing"),
        ("Bearer another-of-the-operators", "token-invalid"),
        (f"Bearer {TOKEN}x", "token-invalid"),
        ("Bearer é", "token-invalid"),
    ]:
        for path in ["/metrics", "/admin/routes", "/admin/jwks", "/admin/nothing"]:
            headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
            refused = await world.admin.get(path, headers=headers)

            assert (refused.status_code, refused.json()["type"]) == (401, f"urn:frontispiece:problem:{kind}")
            assert refused.headers["www-authenticate"].startswith("Bearer"), header

    before = world.gateway.snapshot
    world.written.append(ROUTES.replace("/many", "/more"))
    assert (await world.admin.post("/admin/reload", headers=CSRF)).status_code == 401
    assert world.gateway.snapshot is before


async def test_front_reload_brings_the_token(
    open_world: OpenWorld, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await open_world(ROUTES, reloads=True)
    settings = AdminSettings(admin="127.0.0.1:9100", admin_token=TOKEN)
    address = (await serve(world.gateway.admin_app(settings))).removeprefix("http://")
    with pytest.raises(AdminFailed, match="needs a bearer token"):
        await asyncio.to_thread(reload, address, 1)

    monkeypatch.setenv("GATEWAY_ADMIN_TOKEN", TOKEN)
    assert await asyncio.to_thread(reload, address, 1) == {address: "this table is in force already"}


async def test_on_loopback_a_token_may_be_left_out(admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/metrics")).status_code == 200


def test_beyond_loopback_a_token_is_required() -> None:
    for address in ["0.0.0.0:9100", "[::]:9100", "10.0.0.7:9100", "admin.internal:9100"]:
        with pytest.raises(ConfigError, match=r"GATEWAY_ADMIN_TOKEN: .*openssl rand"):
            AdminSettings(admin=address)
        assert AdminSettings(admin=address, admin_token=TOKEN).address, address


def test_on_loopback_no_token_is_required() -> None:
    for address in ["127.0.0.1:9100", "127.9.9.9:9100", "[::1]:9100", "localhost:9100", "off"]:
        assert AdminSettings(admin=address).admin_token == "", address


def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused() -> None:
    for token in ["short", "with a space in it", "of-the-operàtors-alone", "a" * 15]:
        with pytest.raises(ConfigError, match="GATEWAY_ADMIN_TOKEN"):
            AdminSettings(admin="127.0.0.1:9100", admin_token=token)


async def test_addresses_and_the_names_that_are_set_are_answered(world: World) -> None:
    for host in [
        "127.0.0.1:9100",
        "localhost",
        "LOCALHOST:1",
        "[::1]:9100",
        "10.0.0.7:9100",
        "admin.internal:9100",
        "metrics.test",
    ]:
        assert (await world.admin.get("/admin/routes", headers={"Host": host})).status_code == 200, host


async def test_a_bug_is_a_500_without_details(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.gateway, "snapshot", None)
    failed = await world.admin.get("/admin/routes")

    assert failed.status_code == 500
    assert "NoneType" not in failed.text


def test_names_that_are_no_list_are_refused() -> None:
    with pytest.raises(ConfigError, match="GATEWAY_ADMIN_HOSTS"):
        AdminSettings(admin_hosts="metrics.test")


def test_the_setting_says_where_the_admin_port_is() -> None:
    for text, address in [
        ("off", None),
        ("127.0.0.1:9100", ("127.0.0.1", 9100)),
        ("admin.internal:1", ("admin.internal", 1)),
    ]:
        assert AdminSettings(admin=text, admin_token=TOKEN).address == address, text


def test_what_is_no_address_is_refused_by_the_variables_name() -> None:
    for text in ["", "9100", ":9100", "h:", "h:0", "h:65536", "h:-1", "h:x", "on", "h:²"]:
        with pytest.raises(ConfigError, match="GATEWAY_ADMIN: "):
            AdminSettings(admin=text)
