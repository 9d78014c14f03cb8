"""The console on the admin port: files for everybody, data for whoever has the token."""

from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest

from frontispiece.gateway.admin import AdminSettings
from tests.support.serving import Serve, client_of
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World

TOKEN: Final = "of-the-operators-alone"
CSRF: Final = {"X-CSRF": "1"}

TABLE: Final = route_table(route("/things/{id}", to="things", cache={"ttl": "1h"}))


@pytest.fixture
async def world(open_world: OpenWorld) -> World:
    return await open_world(TABLE, reloads=True)


@pytest.fixture
async def admin(world: World, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    settings = AdminSettings(admin="127.0.0.1:9100", admin_token=TOKEN)
    async with client_of(await serve(world.gateway.admin_app(settings))) as http:
        http.headers["Authorization"] = f"Bearer {TOKEN}"
        yield http


async def test_the_page_and_its_files_need_no_token(admin: httpx.AsyncClient) -> None:
    del admin.headers["Authorization"]
    for path, media_type in [
        ("/console", "text/html; charset=utf-8"),
        ("/console/static/shell.js", "text/javascript; charset=utf-8"),
        ("/console/static/console.css", "text/css; charset=utf-8"),
    ]:
        served = await admin.get(path)

        assert (served.status_code, served.headers["content-type"]) == (200, media_type), path
        assert "default-src 'none'; script-src 'self'" in served.headers["content-security-policy"]
        assert (await admin.head(path)).status_code == 200
        assert (await admin.post(path, headers=CSRF)).status_code == 405


async def test_only_files_of_the_console_are_served(admin: httpx.AsyncClient) -> None:
    for path in ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "nothing.js", ""]:
        assert (await admin.get(f"/console/static/{path}")).status_code == 404, path


async def test_the_page_has_no_other_sites_name_and_is_in_no_other_sites_frame(
    admin: httpx.AsyncClient,
) -> None:
    refused = await admin.get("/console", headers={"Host": "evil.test"})

    assert refused.status_code == 421
    assert "frame-ancestors 'none'" in (await admin.get("/console")).headers["content-security-policy"]
