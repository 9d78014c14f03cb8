"""What operators are shown and may do at the admin port, and what no web page may."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import jwt
import pytest
from jwt import PyJWKSet

from gateway import table
from gateway.admin import AdminSettings
from gateway.app import Gateway
from kit.faults import Faulty
from tests.support.gateways import gateway_of
from tests.support.issuer import Issuer
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.stub import Exchange, Stub

ROUTES = """
[services.things]
url = "registry://things"
breaker = { calls = 1, pause = "1m" }
concurrency = { calls = 3, queue = 2 }

[services.many]
url = ["http://127.0.0.1:1", "http://127.0.0.1:2"]

[[routes]]
path = "/things/{id}"
to = "things:/inner/{id}"
auth = "bearer"
scopes = ["shop"]
limit = { rate = "5/minute", by = "user" }
timeout = "500ms"

[[routes]]
path = "/many"
auth = "none"
timeout = "2m"
parts.one = { from = "many:/one", optional = true }
"""

CSRF = {"X-CSRF": "1"}


@dataclass(frozen=True, kw_only=True)
class World:
    """A gateway, its two ports and the service behind it."""

    gateway: Gateway
    public: httpx.AsyncClient
    admin: httpx.AsyncClient
    things: Stub
    url: str
    written: list[str]


@pytest.fixture
async def world(serve: Serve, issuer: Issuer, signing_key: str) -> AsyncIterator[World]:
    things = Stub()
    url = await serve(things)
    gateway = gateway_of(ROUTES, {"things": url}, key=signing_key, issuer=issuer)
    written = [ROUTES]
    gateway.read_anew(lambda: table.parse(written[-1]))
    app = gateway.admin_app(AdminSettings(admin="admin.internal:9100", admin_hosts=["Metrics.Test"]))
    async with client_of(await serve(gateway)) as public, client_of(await serve(app)) as admin:
        yield World(gateway=gateway, public=public, admin=admin, things=things, url=url, written=written)


async def test_routes_shows_the_table_in_its_own_words(world: World) -> None:
    answer = await world.admin.get("/admin/routes")

    assert answer.headers["content-type"] == "application/json"
    shown = answer.json()
    things, many = shown["routes"]
    assert things["to"] == "things:/inner/{id}"
    assert (things["auth"], things["scopes"], things["timeout"]) == ("bearer", ["shop"], "500ms")
    assert things["limit"] == [{"rate": "5/minute", "by": "user", "shared": False}]
    assert many["timeout"] == "2m"
    assert many["parts"]["one"]["from"] == "many:/one"
    assert shown["services"]["things"]["breaker"]["pause"] == "1m"


async def test_what_routes_shows_is_a_table_again(world: World) -> None:
    shown = (await world.admin.get("/admin/routes")).json()

    assert table.Table.model_validate(shown) == world.gateway.serving.table


async def test_upstreams_shows_addresses_calls_and_limits(world: World, issuer: Issuer) -> None:
    shown = {}

    async def look(exchange: Exchange) -> None:
        shown.update((await world.admin.get("/admin/upstreams")).json())
        await exchange.start(200)
        await exchange.end(b"{}")

    world.things.answer = look
    answer = await world.public.get("/things/1", headers=issuer.bearer("reader", "shop"))

    assert answer.status_code == 200
    assert shown["things"] == {
        "addresses": [{"url": world.url}],
        "breaker": {"state": "closed", "calls": 0, "failures": 0},
        "concurrency": {"calls": 3, "queue": 2, "in_flight": 1, "waiting": 0},
        "in_flight": 1,
    }
    assert [address["url"] for address in shown["many"]["addresses"]] == [
        "http://127.0.0.1:1",
        "http://127.0.0.1:2",
    ]
    after = (await world.admin.get("/admin/upstreams")).json()["things"]
    assert (after["in_flight"], after["concurrency"]["in_flight"]) == (0, 0)
    assert after["breaker"]["calls"] == 1


async def test_upstreams_shows_addresses_that_fail_and_circuits_that_are_open(
    world: World, issuer: Issuer
) -> None:
    await world.public.get("/many")
    many = (await world.admin.get("/admin/upstreams")).json()["many"]
    assert [(address["well"], address["failures"] > 0) for address in many["addresses"]] == [(True, True)] * 2

    world.written.append(ROUTES.replace('"registry://things"', f'"{nobody_there()}"'))
    await world.admin.post("/admin/reload", headers=CSRF)
    await world.public.get("/things/1", headers=issuer.bearer("reader", "shop"))
    breaker = (await world.admin.get("/admin/upstreams")).json()["things"]["breaker"]
    assert breaker["state"] == "open"
    assert 0 < breaker["tries_in"] <= 60


async def test_a_reload_serves_the_table_as_it_is_now(world: World) -> None:
    world.written.append(ROUTES.replace("/many", "/more"))
    done = await world.admin.post("/admin/reload", headers=CSRF)
    again = await world.admin.post("/admin/reload", json={})

    assert (done.status_code, done.json()) == (200, {"outcome": "done", "routes": 2})
    assert again.json() == {"outcome": "unchanged", "routes": 2}
    assert (await world.public.get("/more")).status_code == 200


async def test_a_faulty_table_is_answered_with_every_fault(world: World) -> None:
    world.written.append(ROUTES.replace('auth = "none"', 'auth = "maybe"').replace('"5/minute"', '"fast"'))
    refused = await world.admin.post("/admin/reload", headers=CSRF)

    assert refused.status_code == 422
    assert refused.json()["type"] == "urn:frontispiece:problem:table-faulty"
    assert len(refused.json()["faults"]) == 2
    assert (await world.public.get("/many")).status_code == 200


async def test_the_keys_verify_what_the_gateway_tells_services(world: World, issuer: Issuer) -> None:
    await world.public.get("/things/1", headers=issuer.bearer("reader", "shop"))
    (header,) = world.things.last.all(b"authorization")
    token = header.decode().removeprefix("Bearer ")
    answer = await world.admin.get("/admin/jwks")

    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert "d" not in answer.json()["keys"][0]
    key = PyJWKSet.from_dict(answer.json())[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key, audience="things", algorithms=["EdDSA"])["sub"] == "reader"


class Cache:
    """What stands for the cache of answers: it notes what is thrown out of it."""

    def __init__(self) -> None:
        self.purged: list[str] = []

    def purge(self, path: str) -> int:
        self.purged.append(path)
        return 2

    async def purge_tag(self, tag: str) -> int:
        self.purged.append(f"#{tag}")
        return 1

    def clear(self) -> None:
        self.purged.append("everything")


async def test_the_cache_is_purged_by_path_by_tag_or_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache()
    monkeypatch.setattr(Gateway, "cache", cache)
    by_path = await world.admin.delete("/admin/cache?path=/things/a%20b", headers=CSRF)
    by_tag = await world.admin.delete("/admin/cache?tag=pens", headers=CSRF)
    whole = await world.admin.delete("/admin/cache?all", headers=CSRF)

    assert cache.purged == ["/things/a b", "#pens", "everything"]
    assert [answer.json() for answer in (by_path, by_tag, whole)] == [
        {"purged": 2},
        {"purged": 1},
        {"purged": None},
    ]


@pytest.mark.parametrize(
    "query", ["", "?path=", "?path=things", "?tag=", "?all=no", "?path=/a&tag=b", "?x=1"]
)
async def test_a_purge_that_is_not_clear_purges_nothing(
    world: World, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache()
    monkeypatch.setattr(Gateway, "cache", cache)
    refused = await world.admin.delete(f"/admin/cache{query}", headers=CSRF)

    assert (refused.status_code, cache.purged) == (400, [])


async def test_without_a_cache_or_a_file_there_is_nothing_to_purge_or_reload(world: World) -> None:
    world.gateway.reloader = None

    assert (await world.admin.delete("/admin/cache?all", headers=CSRF)).status_code == 404
    assert (await world.admin.post("/admin/reload", headers=CSRF)).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/admin/routes", "GET, HEAD"),
        ("DELETE", "/admin/upstreams", "GET, HEAD"),
        ("GET", "/admin/reload", "POST"),
        ("OPTIONS", "/admin/reload", "POST"),
        ("GET", "/admin/cache", "DELETE"),
    ],
)
async def test_each_page_has_its_own_method(world: World, method: str, path: str, allow: str) -> None:
    refused = await world.admin.request(method, path, headers=CSRF)

    assert (refused.status_code, refused.headers["allow"]) == (405, allow)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"X-CSRF": "0"},
    ],
)
async def test_no_form_of_a_page_changes_anything(world: World, headers: dict[str, str]) -> None:
    before = world.gateway.serving
    world.written.append(ROUTES.replace("/many", "/more"))
    reloaded = await world.admin.post("/admin/reload", headers=headers)
    purged = await world.admin.delete("/admin/cache?all", headers=headers)

    for refused in (reloaded, purged):
        assert (refused.status_code, refused.json()["title"]) == (403, "Csrf header missing")
    assert world.gateway.serving is before


@pytest.mark.parametrize("host", ["evil.test", "evil.test:9100", "", "127.0.0.1.evil.test", "localhost.test"])
@pytest.mark.parametrize("path", ["/metrics", "/admin/routes"])
async def test_a_page_whose_name_leads_here_is_refused(world: World, host: str, path: str) -> None:
    refused = await world.admin.get(path, headers={"Host": host})

    assert refused.status_code == 421


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:9100",
        "localhost",
        "LOCALHOST:1",
        "[::1]:9100",
        "10.0.0.7:9100",
        "admin.internal:9100",
        "metrics.test",
    ],
)
async def test_addresses_and_the_names_that_are_set_are_answered(world: World, host: str) -> None:
    assert (await world.admin.get("/admin/routes", headers={"Host": host})).status_code == 200


async def test_a_bug_is_told_without_its_inside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.gateway, "serving", None)
    failed = await world.admin.get("/admin/routes")

    assert failed.status_code == 500
    assert "NoneType" not in failed.text


def test_names_that_are_no_list_are_refused() -> None:
    with pytest.raises(Faulty, match="GATEWAY_ADMIN_HOSTS"):
        AdminSettings(admin_hosts="metrics.test")
