"""The admin port: what no web page may, and the token that it needs."""

import asyncio

import httpx
import pytest

from frontispiece.cli.client.admin import reload
from frontispiece.errors import ConfigError, UserError
from frontispiece.gateway.admin import AdminSettings
from tests.frontispiece.gateway.admin.conftest import CSRF, ROUTES, TOKEN, World
from tests.support.serving import Serve
from tests.support.world import OpenWorld


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
    url = await serve(world.gateway.admin_app(settings))
    address = url.removeprefix("http://")
    with pytest.raises(UserError, match="needs a bearer token: that of GATEWAY_ADMIN_TOKEN"):
        await asyncio.to_thread(reload, f"{url}/", 1)

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
