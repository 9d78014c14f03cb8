"""Metrics of aggregates, and of the pages of a BFF in the gateway's process."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import ref

from fastapi import FastAPI

from frontispiece.pages import Cache, Page, PageApp, create_app
from frontispiece.upstream import Unreachable
from tests.frontispiece.gateway.aggregates.conftest import (
    ITEMS,
    PARTS,
    SERVICES,
    Join,
    aggregate,
    by_target,
    said,
)
from tests.support.tables import route, route_table
from tests.support.waiting import until
from tests.support.world import OpenWorld


async def test_calls_for_parts_are_counted_as_all_calls_are(join: Join) -> None:
    world = await join(PARTS, said('{"l":["x","y"]}'), ITEMS)
    for path in ("/a/A", "/a/B"):
        await world.http.get(path)

    assert {
        'gateway_upstream_calls_total{upstream="catalog"} 2.0',
        'gateway_upstream_calls_total{upstream="inventory"} 4.0',
        'gateway_upstream_failures_total{reason="failed",upstream="inventory"} 2.0',
        'gateway_upstream_failures_total{reason="unavailable",upstream="gone"} 2.0',
        'gateway_requests_total{method="GET",route="/a/{sku}",status="2xx"} 2.0',
    } <= set(world.metrics())


async def test_parts_that_degrade_are_counted_by_reason_those_that_fail_are_not(join: Join) -> None:
    products = by_target({"/p/A": said('{"l":["x","y"]}'), "/p/B": said('{"l":["x"]}'), "/p/C": said("[")})
    world = await join(PARTS, products, ITEMS)
    assert [(await world.http.get(f"/a/{sku}")).status_code for sku in "ABC"] == [200, 200, 502]

    items, stock = sorted(world.metrics("gateway_page_degraded_total{"))
    assert items == 'gateway_page_degraded_total{page="/a/{sku}",reason="failed",source="items"} 1.0'
    assert stock.startswith('gateway_page_degraded_total{page="/a/{sku}",reason="unavailable"')


async def test_counts_go_on_over_reloads_and_keep_no_table_of_before(join: Join) -> None:
    parts = 'parts.a = { from = "catalog:/p" }\nparts.b = { from = "gone:/s", optional = true }'
    world = await join(parts)
    before = [ref(world.gateway.snapshot)]
    for seconds in range(11, 14):
        more = f'timeout = "{seconds}s"'
        await world.serve_table(route_table(aggregate(parts, more=more), services=SERVICES))
        assert (await world.http.get("/a/A")).status_code == 200
        await until(lambda: not world.gateway.retiring)
        before.append(ref(world.gateway.snapshot))
    gc.collect()

    degraded = {"page": "/a/{sku}", "source": "b", "reason": "unavailable"}
    assert world.metric("gateway_page_degraded_total", **degraded) == 3
    assert [snapshot() for snapshot in before] == [None, None, None, world.gateway.snapshot]


async def test_aggregates_of_one_path_on_several_hosts_are_different(join: Join) -> None:
    parts = 'parts.a = { from = "gone:/a", optional = true }'
    world = await join(parts, also=[aggregate(parts, more='host = "127.0.0.1"')])
    await world.http.get("/a/A")

    assert world.metrics("gateway_page_degraded_total{") == [
        'gateway_page_degraded_total{page="127.0.0.1/a/{sku}",reason="unavailable",source="a"} 1.0'
    ]


MOUNTED = f"app://{__name__}:mounted"


def mounted() -> PageApp:
    """An app with two pages of one path."""
    page, written = Page("/home", deadline=5.0), Page("/home", deadline=5.0, method="POST")

    @page.source(cache=Cache(ttl=60))
    async def lasting() -> int:
        return 1

    @page.source(fallback=lambda: 0)
    @written.source(fallback=lambda: 0)
    async def broken() -> int:
        raise Unreachable("nobody is there")

    @page.view
    def screen(lasting: int, broken: int) -> int:
        return lasting + broken

    @written.view
    def done(broken: int) -> int:
        return broken

    async def ready() -> None:
        return None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield

    return create_app(
        title="shelf", description="-", pages=[page, written], providers={}, lifespan=lifespan, ready=ready
    )


async def test_a_mounted_bff_counts_with_the_gateway(open_world: OpenWorld) -> None:
    shelf = {"breaker": {}, "concurrency": {"max_concurrent": 5}}
    routes = route_table(route("/home", to="shelf"), services={"shelf": shelf})
    world = await open_world(routes, shelf=MOUNTED)
    for _ in range(3):
        await world.http.get("/home")

    assert {
        'gateway_source_cache_total{page="shelf:/home",source="lasting",state="miss"} 1.0',
        'gateway_source_cache_total{page="shelf:/home",source="lasting",state="hit"} 2.0',
        'gateway_page_degraded_total{page="shelf:/home",reason="unavailable",source="broken"} 3.0',
    } <= set(world.metrics())
