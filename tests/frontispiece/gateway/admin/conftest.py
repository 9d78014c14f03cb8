"""A gateway with its admin port."""

from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest

from frontispiece.gateway.admin import AdminSettings
from tests.support import world as support
from tests.support.serving import Serve, client_of
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
