"""The admin port: metrics, what operators are shown, and what they may do."""

import httpx
import jwt
import pytest
from jwt import PyJWKSet

from frontispiece.gateway.config import table
from tests.frontispiece.gateway.admin.conftest import CSRF, ROUTES, World
from tests.support.issuer import Issuer
from tests.support.serving import nobody_there
from tests.support.stub import Exchange
from tests.support.tables import route, route_table

CACHED = route_table(route("/kept/{id}", to="things", cache={"ttl": "1h", "tags": ["pens"]}))


async def test_metrics_count_what_the_public_port_has_answered(edge: World, admin: httpx.AsyncClient) -> None:
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
        "breaker": {"state": "closed", "requests": 0, "failures": 0, "opened": 0},
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
    assert (breaker["state"], breaker["opened"]) == ("open", 1)
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
