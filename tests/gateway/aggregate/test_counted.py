"""What operators can count of aggregates, and of the pages of a BFF in the gateway's process."""

import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import generate_latest

from gateway.page import Cache, Page, PageApp, create_app
from gateway.page.program import Program
from gateway.table import parse
from gateway.upstream import Unreachable
from tests.gateway.aggregate.conftest import JSON, by_target, route, said
from tests.support.gateways import gateway_of
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.stub import Stub, answering
from tests.support.waiting import until

PARTS = (
    'parts.product = { from = "catalog:/p/{sku}" }\n'
    'parts.stock = { from = "gone:/s", optional = true }\n'
    'parts.items = { from = "inventory:/i/{each}", each = "product.l", optional = true }'
)

Counted = Callable[..., Awaitable[set[str]]]


@pytest.fixture
async def counted(serve: Serve) -> Counted:
    """`lines = await counted(routes, *paths, catalog=url, …)`: the metrics once these have been asked for."""

    async def counted(routes: str, *paths: str, **services: str) -> set[str]:
        gateway = gateway_of(routes, services)
        async with client_of(await serve(gateway)) as http:
            for path in paths:
                answer: httpx.Response = await http.get(path)
                assert answer.status_code in {200, 502}
        return set(generate_latest(gateway.metrics.registry).decode().splitlines())

    return counted


async def test_calls_for_parts_are_counted_as_all_calls_are(serve: Serve, counted: Counted) -> None:
    items = by_target({"/i/x": said("1"), "/i/y": answering(500, b"")})
    lines = await counted(
        route(PARTS),
        "/a/A",
        "/a/B",
        catalog=await serve(Stub(said('{"l":["x","y"]}'))),
        inventory=await serve(Stub(items)),
        gone=nobody_there(),
    )

    assert 'gateway_upstream_calls_total{upstream="catalog"} 2.0' in lines
    assert 'gateway_upstream_calls_total{upstream="inventory"} 4.0' in lines
    assert 'gateway_upstream_failures_total{reason="failed",upstream="inventory"} 2.0' in lines
    assert 'gateway_upstream_failures_total{reason="unavailable",upstream="gone"} 2.0' in lines
    assert 'gateway_requests_total{method="GET",route="/a/{sku}",status="2xx"} 2.0' in lines


async def test_parts_that_degrade_are_counted_by_reason_those_that_fail_are_not(
    serve: Serve, counted: Counted
) -> None:
    items = by_target({"/i/x": said("1"), "/i/y": answering(500, b"")})
    products = by_target({"/p/A": said('{"l":["x","y"]}'), "/p/B": said('{"l":["x"]}'), "/p/C": said("[")})
    lines = await counted(
        route(PARTS),
        "/a/A",
        "/a/B",
        "/a/C",
        catalog=await serve(Stub(products)),
        inventory=await serve(Stub(items)),
        gone=nobody_there(),
    )

    counts = {line for line in lines if line.startswith("gateway_page_degraded_total{")}
    (stock,) = [line for line in counts if 'source="stock"' in line]
    (items_line,) = counts - {stock}
    assert items_line == 'gateway_page_degraded_total{page="/a/{sku}",reason="failed",source="items"} 1.0'
    assert stock.startswith('gateway_page_degraded_total{page="/a/{sku}",reason="unavailable"')


async def test_counts_go_on_over_reloads_and_keep_no_table_of_before(serve: Serve) -> None:
    parts = 'parts.a = { from = "catalog:/p" }\nparts.b = { from = "gone:/s", optional = true }'
    services = dict.fromkeys(("inventory", "gone"), nobody_there())
    gateway = gateway_of(
        route(parts), {"catalog": await serve(Stub(answering(200, b"{}", JSON))), **services}
    )
    programs = []
    async with client_of(await serve(gateway)) as http:
        for seconds in range(1, 4):
            await gateway.serve_table(parse(route(parts, more=f'timeout = "{seconds}s"')))
            assert (await http.get("/a/A")).status_code == 200
            await until(lambda: not gateway.retiring)
            gc.collect()
            programs.append(sum(isinstance(each, Program) for each in gc.get_objects()))
    counted = {"page": "/a/{sku}", "source": "b", "reason": "unavailable"}
    assert gateway.metrics.registry.get_sample_value("gateway_page_degraded_total", counted) == 3
    assert len(set(programs)) == 1


async def test_aggregates_of_one_path_on_several_hosts_are_told_apart(serve: Serve, counted: Counted) -> None:
    parts = 'parts.a = { from = "gone:/a", optional = true }'
    host = '[[routes]]\npath = "/a/{sku}"\nauth = "none"\nhost = "127.0.0.1"\n'
    urls = dict.fromkeys(("catalog", "inventory", "gone"), nobody_there())
    lines = await counted(f"{route(parts)}{host}{parts}\n", "/a/A", **urls)

    counts = {line for line in lines if line.startswith("gateway_page_degraded_total{")}
    assert counts == {
        'gateway_page_degraded_total{page="127.0.0.1/a/{sku}",reason="unavailable",source="a"} 1.0'
    }


MOUNTED = "app://tests.gateway.aggregate.test_counted:mounted"


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


async def test_a_mounted_bff_counts_with_the_gateway(counted: Counted) -> None:
    routes = '[services.shelf]\nurl = "registry://shelf"\nbreaker = {}\nconcurrency = { calls = 5 }\n'
    routes += '[[routes]]\npath = "/home"\nto = "shelf"\nauth = "none"\n'
    lines = await counted(routes, "/home", "/home", "/home", shelf=MOUNTED)

    assert 'gateway_source_cache_total{page="shelf:/home",source="lasting",state="miss"} 1.0' in lines
    assert 'gateway_source_cache_total{page="shelf:/home",source="lasting",state="hit"} 2.0' in lines
    degraded = 'gateway_page_degraded_total{page="shelf:/home",reason="unavailable",source="broken"} 3.0'
    assert degraded in lines
