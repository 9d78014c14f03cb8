"""Traces and logs in the console: a trace through the whole shop, requests that are tried, runs compared."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from secrets import token_hex
from typing import Any, Final

import httpx
import pytest_asyncio
from playwright.async_api import Page, expect

from frontispiece.cli.client.admin import address_of
from tests.browser.conftest import DESKTOP, OpenContext
from tests.support.chromium import Visit
from tests.support.shop import RunningShop
from tests.support.waiting import TIMEOUT
from tests.support.web_client import PEN

Visits = Callable[[Page], Visit]

PRODUCT: Final = f"/web/products/{PEN}"


@pytest_asyncio.fixture(loop_scope="session")
async def admin(shop: RunningShop) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the shop's admin port."""
    address, token = address_of(shop.data)
    async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False, timeout=60) as http:
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


@pytest_asyncio.fixture(loop_scope="session")
async def page(open_context: OpenContext, admin: httpx.AsyncClient) -> Page:
    """The console, open."""
    token = admin.headers["Authorization"].removeprefix("Bearer ")
    page = await (await open_context(**DESKTOP)).new_page()
    await page.goto(f"{admin.base_url}/console#token={token}")
    return page


async def traced(shop: RunningShop, admin: httpx.AsyncClient, path: str, logs: int = 0) -> dict[str, Any]:
    """The trace of a call of the shop, once it has so many logs and all spans that others are within."""
    trace_id = token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{'b' * 16}-01"}
    async with httpx.AsyncClient(base_url=shop.url, trust_env=False, timeout=60) as http:
        await http.get(path, headers=headers)

    async with asyncio.timeout(TIMEOUT):
        while True:
            trace: dict[str, Any] = (await admin.get(f"/console/api/traces/{trace_id}")).json()
            spans = trace.get("spans", [])
            known = {span["span_id"] for span in spans} | {"b" * 16}
            if spans and len(trace["logs"]) >= logs and all(span["parent_id"] in known for span in spans):
                return trace


async def test_one_trace_leads_from_the_gateway_to_the_statement_with_what_was_logged(
    shop: RunningShop, admin: httpx.AsyncClient
) -> None:
    trace = await traced(shop, admin, "/web/products/NOTHING-1", logs=1)

    spans = {span["span_id"]: span for span in trace["spans"]}
    (statement,) = (s for s in spans.values() if s["service"] == "catalog" and s["name"] == "SELECT")
    way = [statement]
    while way[-1]["parent_id"] in spans:
        way.append(spans[way[-1]["parent_id"]])
    assert [(span["service"], span["kind"]) for span in reversed(way)] == [
        ("gateway", "server"),
        ("gateway", "client"),
        ("bff-web", "server"),
        ("bff-web", "internal"),
        ("bff-web", "client"),
        ("catalog", "server"),
        ("catalog", "client"),
    ]
    assert [(log["service"], log["span_id"] in spans) for log in trace["logs"]] == [("bff-web", True)]


async def test_neither_health_nor_the_console_nor_the_export_makes_traces(
    shop: RunningShop, admin: httpx.AsyncClient
) -> None:
    async with httpx.AsyncClient(base_url=shop.url, trust_env=False) as http:
        for _ in range(20):
            await http.get("/health/ready")
            await admin.get("/console/api/logs")
    await traced(shop, admin, "/web/home")  # later than whatever these would have made

    rows = (await admin.get("/console/api/traces?limit=200")).json()
    assert not [row for row in rows if re.search("health|console|otlp|metrics", row["root"])]


async def test_a_trace_is_found_and_read_and_its_spans_say_more(
    page: Page, shop: RunningShop, admin: httpx.AsyncClient, visit: Visits, axe: str
) -> None:
    seen = visit(page)
    trace = await traced(shop, admin, f"{PRODUCT}?found")
    async with httpx.AsyncClient(base_url=shop.url, trust_env=False, timeout=60) as http:
        await asyncio.gather(*(http.get("/") for _ in range(100)))

    await page.get_by_role("link", name="Traces", exact=True).click()
    await expect(page.get_by_text(re.compile(r"A sample: \d+ traces were left out"))).to_be_visible()
    await page.get_by_label("Text or trace id").fill(trace["trace_id"])
    await page.get_by_label("Text or trace id").press("Enter")
    rows = page.get_by_role("table", name="Traces").locator("tbody tr")
    await expect(rows).to_have_count(1)
    assert await seen.axe(axe) == []

    await rows.get_by_role("link").click()
    waterfall = page.get_by_role("region", name="Waterfall")
    await expect(waterfall.locator("tbody tr:not(.attributes)")).to_have_count(len(trace["spans"]))
    source = waterfall.get_by_role("button", name=re.compile("^source product"))
    await source.press("Enter")
    await expect(source).to_have_attribute("aria-expanded", "true")
    await expect(waterfall.get_by_text("frontispiece.source").first).to_be_visible()
    assert await seen.axe(axe) == []
    assert seen.errors == []


async def test_a_page_shows_its_slowest_run(page: Page, shop: RunningShop, admin: httpx.AsyncClient) -> None:
    await traced(shop, admin, PRODUCT)

    await page.get_by_role("link", name="Pages", exact=True).click()
    await page.get_by_role("link", name="GET bff-web:/products/{sku}").click()

    waterfall = page.get_by_role("region", name="Waterfall")
    await expect(waterfall.get_by_role("button", name=re.compile("^source product"))).to_be_visible()
    await expect(page.get_by_role("heading", name="Slowest runs")).to_be_visible()


async def test_logs_follow_what_happens(
    page: Page, shop: RunningShop, admin: httpx.AsyncClient, visit: Visits, axe: str
) -> None:
    seen = visit(page)
    await page.get_by_role("link", name="Logs", exact=True).click()
    await page.get_by_label("Text").fill("NOTHING-2")
    await page.get_by_label("Text").press("Tab")
    await expect(page.get_by_role("heading", name="No logs")).to_be_visible()

    trace = await traced(shop, admin, "/web/products/NOTHING-2")

    row = page.get_by_role("table", name="Logs").locator("tbody tr").first
    await expect(row.get_by_role("link")).to_have_attribute("href", f"#/traces/{trace['trace_id']}")
    first = page.locator(f"a[href='#/traces/{trace['trace_id']}']").first
    await first.focus()
    again = await traced(shop, admin, "/web/products/NOTHING-2")
    await expect(row.get_by_role("link")).to_have_attribute("href", f"#/traces/{again['trace_id']}")
    await expect(first).to_be_focused()
    assert await seen.axe(axe) == []


async def test_a_route_is_tried_as_a_demo_user_with_its_waterfall_beside_the_response(
    page: Page, admin: httpx.AsyncClient, visit: Visits, axe: str
) -> None:
    seen = visit(page)
    await page.get_by_role("link", name="Try it", exact=True).click()
    await page.get_by_label("Route").select_option(label="GET /mobile/basket")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("heading", name=re.compile("^401"))).to_be_visible()

    await page.get_by_label("As").select_option("shopper")
    await page.get_by_role("button", name="Send").click()

    await expect(page.get_by_role("heading", name=re.compile("^200"))).to_be_visible()
    waterfall = page.get_by_role("region", name="Waterfall")
    await expect(waterfall.get_by_text("bff-mobile").first).to_be_visible()
    assert await seen.axe(axe) == []
    not_yet = "404 (Not Found)"  # of the trace, whose spans were still on their way
    assert [error for error in seen.errors if not_yet not in error] == []
    actions = [record["action"] for record in (await admin.get("/console/api/audit")).json()]
    assert actions[:2] == ["try GET /mobile/basket as shopper", "try GET /mobile/basket as nobody"]


async def test_two_runs_of_a_page_are_compared_source_by_source(
    page: Page, shop: RunningShop, admin: httpx.AsyncClient, visit: Visits, axe: str
) -> None:
    seen = visit(page)
    good = await traced(shop, admin, PRODUCT)
    bad = await traced(shop, admin, "/web/products/NOTHING-3")

    await page.goto(f"{page.url.partition('#')[0]}#/compare/{good['trace_id']}/{bad['trace_id']}")

    sources = page.get_by_role("table").filter(has=page.locator("caption", has_text="Sources"))
    await expect(sources.get_by_role("row", name=re.compile("^product bff-web"))).to_contain_text("refused")
    await expect(sources.get_by_role("row", name=re.compile("^related bff-web"))).to_contain_text("left out")
    await expect(page.get_by_role("region", name=re.compile("^Waterfall of the"))).to_have_count(2)
    assert await seen.axe(axe) == []
