"""The console on the admin port: files for everybody, data for whoever has the token."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import httpx
import pytest

from frontispiece.gateway import Panel, PanelFigures, PanelPart, PanelText
from frontispiece.gateway.admin import AdminSettings
from frontispiece.gateway.console.feed import MAX_WATCHERS
from tests.support.serving import Serve, client_of
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World

TOKEN: Final = "of-the-operators-alone"
CSRF: Final = {"X-CSRF": "1"}

TABLE: Final = route_table(
    route("/things/{id}", to="things", cache={"ttl": "1h"}),
    route("/gone", to="gone"),
    route("/idle", to="things"),
    route("/idle", to="things", methods=["POST"], rate_limit={"rate": "1/hour", "by": "route"}),
)

Events = AsyncIterator[tuple[str, dict[str, Any]]]


@pytest.fixture
async def world(open_world: OpenWorld) -> World:
    return await open_world(TABLE, reloads=True)


@pytest.fixture
async def admin(world: World, serve: Serve) -> AsyncIterator[httpx.AsyncClient]:
    settings = AdminSettings(admin="127.0.0.1:9100", admin_token=TOKEN)
    async with client_of(await serve(world.gateway.admin_app(settings))) as http:
        http.headers["Authorization"] = f"Bearer {TOKEN}"
        yield http


@asynccontextmanager
async def watching(admin: httpx.AsyncClient) -> AsyncIterator[Events]:
    """The events of a stream: their kinds and contents."""

    async def events(lines: AsyncIterator[str]) -> Events:
        kind = ""
        async for line in lines:
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, json.loads(value)

    async with admin.stream("GET", "/console/api/events") as response:
        assert response.status_code == 200
        yield events(response.aiter_lines())


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


async def test_the_page_is_found_with_a_slash_at_the_end(admin: httpx.AsyncClient) -> None:
    moved = await admin.get("/console/")

    assert (moved.status_code, moved.headers["location"]) == (308, "/console")


async def test_only_files_of_the_console_are_served(admin: httpx.AsyncClient) -> None:
    for path in ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "nothing.js", ""]:
        assert (await admin.get(f"/console/static/{path}")).status_code == 404, path


async def test_the_page_has_no_other_sites_name_and_is_in_no_other_sites_frame(
    admin: httpx.AsyncClient,
) -> None:
    refused = await admin.get("/console", headers={"Host": "evil.test"})

    assert refused.status_code == 421
    assert "frame-ancestors 'none'" in (await admin.get("/console")).headers["content-security-policy"]


async def test_the_data_needs_the_token_and_a_page_of_its_own(admin: httpx.AsyncClient) -> None:
    for path in ["/console/api/events", "/console/api/nothing", "/console/nothing"]:
        for headers, status in [
            ({"Authorization": ""}, 401),
            ({"Authorization": "Bearer another-of-the-operators"}, 401),
            ({"Host": "evil.test"}, 421),
            ({"Host": "[127.0.0.1].evil.test"}, 421),
            ({"Origin": "http://evil.test"}, 403),
        ]:
            assert (await admin.get(path, headers=headers)).status_code == status, path


async def test_the_first_event_is_the_whole_and_the_next_what_has_changed(
    world: World, admin: httpx.AsyncClient
) -> None:
    await world.http.get("/things/1")
    for _ in range(2):
        await world.http.post("/idle")
    async with watching(admin) as events:
        kind, whole = await anext(events)
        assert (kind, whole["routes"]["GET /things/{id}"]["calls"]) == ("whole", 1)
        assert whole["routes"]["GET /things/{id}"]["did"] == {"cache:miss": 1}
        assert whole["upstreams"]["things"]["calls"] == 2
        shared = {"did": {"rate_limit:rate-limited": 1}, "of_all_methods": ["did"]}
        assert whole["routes"]["GET /idle"] == shared
        assert (whole["routes"]["POST /idle"]["calls"], whole["routes"]["POST /idle"]["refused"]) == (2, 1)

        await world.http.get("/things/1")
        await world.http.get("/gone")
        changed: dict[str, Any] = {}
        while changed.keys() < {"GET /things/{id}", "GET /gone"}:
            kind, changes = await anext(events)
            assert kind == "changes"
            changed |= changes.get("routes", {})

    assert changed["GET /things/{id}"]["did"] == {"cache:miss": 1, "cache:hit": 1}
    assert (changed["GET /gone"]["calls"], changed["GET /gone"]["errors"]) == (1, 1)
    assert "GET /idle" not in changed


async def test_a_route_that_a_reload_takes_away_is_gone_for_watchers(
    world: World, admin: httpx.AsyncClient
) -> None:
    async with watching(admin) as events:
        await anext(events)
        await world.serve_table(route_table(route("/new", to="things")))
        routes: dict[str, Any] = {}
        while not routes:
            _, changes = await anext(events)
            routes = changes.get("routes", {})

    gone = ["GET /things/{id}", "GET /gone", "GET /idle", "POST /idle"]
    assert routes == {"GET /new": {}} | dict.fromkeys(gone)


async def test_watchers_are_few_and_one_that_leaves_makes_room(admin: httpx.AsyncClient) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MAX_WATCHERS):
            await stack.enter_async_context(watching(admin))
        refused = await admin.get("/console/api/events")

    assert (refused.status_code, refused.json()["title"]) == (503, "Too many watchers")
    status = 503
    while status == 503:  # until the server has noticed that the others are gone
        async with admin.stream("GET", "/console/api/events") as response:
            status = response.status_code
    assert status == 200


async def test_a_head_of_the_stream_takes_no_place(admin: httpx.AsyncClient) -> None:
    for _ in range(MAX_WATCHERS + 1):
        assert (await admin.head("/console/api/events")).status_code == 200


async def test_actions_are_recorded_with_their_outcome(world: World, admin: httpx.AsyncClient) -> None:
    await admin.delete("/admin/cache?path=/users/ada@example.org", headers=CSRF)
    await admin.delete("/admin/cache?path=/things/1", headers=CSRF)
    world.written.append(TABLE.replace('"none"', '"maybe"'))
    await admin.post("/admin/reload", headers=CSRF)
    await admin.get("/admin/routes")

    reload, purge, personal = (await admin.get("/console/api/audit")).json()
    assert (purge["action"], purge["status"]) == ("DELETE /admin/cache?path=/things/1", 200)
    assert (purge["outcome"], purge["client"]) == ('{"purged":0}', "127.0.0.1")
    assert personal["action"] == "DELETE /admin/cache?path=/users/REDACTED"
    assert (reload["action"], reload["status"]) == ("POST /admin/reload", 422)
    assert "the previous one stays in force" in reload["outcome"].lower()


async def test_a_route_is_shown_with_its_layers_in_order(admin: httpx.AsyncClient) -> None:
    listed = (await admin.get("/console/api/routes")).json()
    shown = (await admin.get("/console/api/route", params={"id": listed[0]["id"]})).json()

    assert [each["name"] for each in listed] == ["/things/{id}", "/gone", "/idle", "/idle"]
    assert listed[0]["target"] == "things:/things/{id}"
    assert shown["layers"] == ["metrics", "auth", "cache"]
    assert shown["table"]["cache"]["ttl"] == "1h"
    assert (await admin.get("/console/api/route?id=nothing")).status_code == 404


async def test_a_registered_panel_is_a_tab(world: World, admin: httpx.AsyncClient) -> None:
    async def read() -> list[PanelPart]:
        return [PanelFigures(figures={"open": 3}), PanelText(text="All is well.")]

    world.gateway.add_panel(Panel(name="sagas", title="Sagas", read=read))
    with pytest.raises(ValueError, match="sagas"):
        world.gateway.add_panel(Panel(name="sagas", title="Sagas", read=read))

    overview = (await admin.get("/console/api/overview")).json()
    assert overview["panels"][-1] == {"name": "sagas", "title": "Sagas"}
    assert (await admin.get("/console/api/panels/sagas")).json() == [
        {"kind": "figures", "figures": {"open": 3}},
        {"kind": "text", "text": "All is well."},
    ]
    assert (await admin.get("/console/api/panels/nothing")).status_code == 404


async def test_the_clients_panel_has_the_calls_of_each_client(world: World, admin: httpx.AsyncClient) -> None:
    for version in ["1.4.0", "1.4.0", "2.0.0"]:
        await world.http.get("/idle", headers={"X-Client": f"web/{version}"})

    (table,) = (await admin.get("/console/api/panels/clients")).json()
    assert [row[:4] for row in table["rows"]] == [["web", "other", 3, 1]]
