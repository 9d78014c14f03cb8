"""The console tries routes of its gateway and nothing else, and says what it tried."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest

from frontispiece.gateway.admin import AdminApp, AdminSettings
from frontispiece.gateway.console import ConsoleSettings
from frontispiece.gateway.console.try_it import TryIt
from tests.support.serving import client_of, servers
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World

TOKEN: Final = "of-the-operators-alone"
CSRF: Final = {"X-CSRF": "1"}
TABLE: Final = route_table(route("/things/{id}", to="things:/inner/{id}"))


@asynccontextmanager
async def console(world: World, tried: TryIt | None) -> AsyncIterator[httpx.AsyncClient]:
    settings = AdminSettings(admin_token=TOKEN, console=ConsoleSettings(try_it=tried))
    async with servers() as serve, client_of(await serve(AdminApp(world.gateway, settings))) as http:
        http.headers.update({"Authorization": f"Bearer {TOKEN}", **CSRF})
        yield http


@pytest.fixture
async def world(open_world: OpenWorld) -> World:
    return await open_world(TABLE)


@pytest.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with console(world, TryIt(origin=world.url)) as http:
        yield http


def attempt(world: World, target: str, **given: Any) -> dict[str, Any]:
    (only,) = world.gateway.snapshot.table.routes
    return {"route": only.id, "method": "GET", "target": target, **given}


async def test_a_request_is_sent_as_written_with_a_trace_of_its_own_and_recorded(
    world: World, admin: httpx.AsyncClient
) -> None:
    tried = attempt(world, "/things/7?q=a%20b", headers=[["Accept-Language", "de"]])
    shown = (await admin.post("/console/api/try", json=tried)).json()

    seen = world.things.last
    assert shown["status"] == 200
    assert (seen.path, seen.query, seen.all(b"accept-language")) == (b"/inner/7", b"q=a%20b", [b"de"])
    assert seen.all(b"traceparent")[0].split(b"-")[1].decode() == shown["trace_id"]
    (record,) = (await admin.get("/console/api/audit")).json()
    assert (record["action"], record["status"]) == ("try GET /things/7 as nobody", 200)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"target": "//evil.test/things/7"}, 422),
        ({"target": "http://evil.test/"}, 422),
        ({"target": "@evil.test/"}, 422),
        ({"target": "/things/7\r\nX: y"}, 422),
        ({"target": "/nowhere"}, 404),
        ({"target": "/things/%2e%2e/admin"}, 400),
        ({"method": "CONNECT"}, 422),
        ({"method": "DELETE"}, 405),
        ({"route": "another"}, 404),
        ({"headers": [["Host", "evil.test"]]}, 422),
        ({"headers": [["X-A", "b\r\nHost: evil.test"]]}, 422),
        ({"headers": [["Transfer-Encoding", "chunked"]]}, 422),
        ({"user": "shopper"}, 422),
        ({"url": "http://evil.test"}, 422),
    ],
    ids=str,
)
async def test_what_is_no_request_to_a_route_is_not_sent(
    world: World, admin: httpx.AsyncClient, change: dict[str, Any], status: int
) -> None:
    refused = await admin.post("/console/api/try", json=attempt(world, "/things/7") | change)

    assert refused.status_code == status, refused.text
    assert world.things.paths == []


async def test_no_web_page_can_try_anything(world: World, admin: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "text/plain", "X-CSRF": ""}
    refused = await admin.post("/console/api/try", content=b"{}", headers=headers)

    assert refused.status_code == 403


async def test_nothing_is_tried_unless_the_setting_says_so(world: World) -> None:
    async with console(world, None) as admin:
        shown, refused = (
            await admin.get("/console/api/try"),
            await admin.post("/console/api/try", json=attempt(world, "/things/7")),
        )

    assert shown.status_code == refused.status_code == 404
    assert refused.json()["title"] == "Try it off"
