"""The console in a browser: who gets in, what each tab shows, and what its actions do."""

import os
import re
from collections.abc import AsyncIterator, Callable
from typing import Final

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from frontispiece.gateway.admin import AdminSettings
from tests.browser.conftest import DESKTOP, OpenContext
from tests.support.chromium import SCHEMES, Visit
from tests.support.serving import servers
from tests.support.shop import RunningShop
from tests.support.tables import route, route_table
from tests.support.web_client import PEN
from tests.support.world import gateway_of

Visits = Callable[[Page], Visit]

TABS: Final = ("Topology", "Routes", "Pages", "Upstreams", "Actions", "Clients", "Events")
MANY: Final = 1000


@pytest.fixture(scope="session")
def console(shop: RunningShop) -> str:
    """The address of the shop's console, with the token."""
    found = re.search(r"http://127\.0\.0\.1:\d+/console#token=\S+", shop.printed)
    assert found, shop.printed
    return found[0]


@pytest.fixture(scope="session")
def calls(shop: RunningShop) -> Callable[[], None]:
    """Makes some calls of a page, one that is refused, and one of a product that is not there."""

    def call() -> None:
        with httpx.Client(base_url=shop.url, headers={"X-Client": "web/1.4.0"}) as http:
            for path in [f"/web/products/{PEN}", "/web/home", "/web/products/NOTHING-1", "/mobile/basket"]:
                http.get(path)

    return call


@pytest_asyncio.fixture(loop_scope="session")
async def page(open_context: OpenContext, console: str) -> Page:
    """The console, open."""
    page = await (await open_context(**DESKTOP)).new_page()
    await page.goto(console)
    await expect(page.get_by_role("status").filter(has_text="live")).to_be_visible()
    return page


async def tab(page: Page, name: str) -> None:
    """Open the tab of this name."""
    await page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()


async def test_only_the_token_opens_the_console(open_context: OpenContext, console: str) -> None:
    address, _, token = console.partition("#token=")
    page = await (await open_context(**DESKTOP)).new_page()
    await page.goto(address)
    field = page.get_by_label("Token", exact=True)
    await expect(field).to_be_focused()
    await field.fill("another-of-the-operators")
    await field.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("This is not the token.")
    await expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(0)

    await page.route("**/console/api/**", lambda call: call.abort())
    await page.get_by_label("Token", exact=True).fill(token)
    await page.get_by_role("button", name="Open").click()
    await expect(page.get_by_role("alert")).to_have_text("The admin port cannot be reached.")

    await page.unroute("**/console/api/**")
    await expect(page.get_by_role("heading", name="Topology")).to_be_visible()


async def test_many_windows_follow_the_gateway(page: Page, console: str) -> None:
    for _ in range(7):  # a browser has six connections to an address
        window = await page.context.new_page()
        await window.goto(console)
        await expect(window.get_by_text(re.compile(r"on \d+ routes"))).to_be_visible()
        await expect(window.get_by_role("status")).to_have_text("live")


async def test_the_token_does_not_stay_in_the_address(page: Page, console: str) -> None:
    assert "token" not in page.url
    assert console.partition("#token=")[2] not in await page.content()


async def test_the_topology_shows_what_calls_what_as_it_happens(
    page: Page, calls: Callable[[], None]
) -> None:
    for service in ["catalog", "discount"]:  # over HTTP and gRPC
        row = page.get_by_role("row", name=re.compile(f"^bff-web {service}"))
        await expect(row).to_be_visible()
        while (await row.inner_text()).split("\t")[2] == "0/s":
            calls()
            await page.wait_for_timeout(200)
    await expect(page.get_by_role("row", name=re.compile("^web gateway"))).to_be_visible()
    await expect(page.get_by_role("img", name=re.compile("What calls what"))).to_be_visible()


async def test_a_route_shows_its_layers_in_order_and_what_each_refused(
    page: Page, calls: Callable[[], None]
) -> None:
    calls()
    link = page.get_by_role("navigation").get_by_role("link", name="Routes")
    await link.press("Enter")
    await expect(page.get_by_label("Filter")).to_be_visible()
    await expect(link).to_be_focused()
    await page.get_by_label("Filter").fill("/mobile/basket get")
    await page.get_by_role("link", name="/mobile/basket", exact=True).press("Enter")

    layers = page.get_by_role("listitem")
    await expect(layers.filter(has_text="tracing")).to_be_visible()
    names = await layers.locator(".layer").all_inner_texts()
    assert names[:2] == ["tracing", "metrics"]
    assert names.index("load shedding") < names.index("auth") < names.index("rate limit")
    await expect(layers.filter(has_text="auth")).to_contain_text("token-missing")
    await page.get_by_text("What the table says").click()
    await expect(page.get_by_text('"auth": "bearer"')).to_be_visible()


async def test_a_page_is_drawn_with_its_sources(page: Page, calls: Callable[[], None]) -> None:
    calls()
    await tab(page, "Pages")
    await page.get_by_role("link", name="GET bff-web:/home").click()

    await expect(page.get_by_role("img", name="The graph of GET bff-web:/home")).to_be_visible()
    row = page.get_by_role("row", name=re.compile("^ratings skus optional"))
    await expect(row).to_be_visible()
    await expect(page.get_by_role("row", name=re.compile("^found . required"))).to_contain_text("miss")


async def test_an_action_is_confirmed_and_recorded(page: Page) -> None:
    await tab(page, "Actions")
    await page.get_by_role("button", name="Reload the table").click()
    question = page.get_by_role("dialog", name="Reload the route table from its file?")
    await question.get_by_role("button", name="Cancel").click()
    await expect(question).to_be_hidden()
    await expect(page.get_by_text("POST /admin/reload")).to_have_count(0)

    await page.get_by_role("button", name="Reload the table").click()
    await question.get_by_role("button", name="Reload").click()
    await expect(page.get_by_text("The table is unchanged")).to_be_visible()
    await expect(page.get_by_role("row", name="127.0.0.1 POST /admin/reload 200")).to_be_visible()


async def test_panels_show_clients_and_consumers(page: Page, calls: Callable[[], None]) -> None:
    calls()
    await tab(page, "Clients")
    await expect(page.get_by_role("row", name=re.compile(r"^web 1\.4\.0"))).to_be_visible()
    await tab(page, "Events")
    await expect(page.get_by_text("Parked messages")).to_be_visible()
    await expect(page.get_by_role("row", name=re.compile("^payment SHOP_COMMANDS 0"))).to_be_visible()


async def test_every_tab_is_accessible_by_day_and_by_night(
    page: Page, calls: Callable[[], None], visit: Visits, axe: str
) -> None:
    calls()
    seen = visit(page)
    pictures = os.environ.get("BROWSER_PICTURES")
    faults: list[str] = []
    for name in TABS:
        await tab(page, name)
        await expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        await expect(page.locator("main :is(table, .empty)").first).to_be_visible()
        for scheme, rules in SCHEMES.items():
            await page.emulate_media(color_scheme=scheme)
            if pictures:
                await page.screenshot(path=f"{pictures}/console-{name.lower()}-{scheme}.png")
            faults += [f"{name}, {scheme}: {fault}" for fault in await seen.axe(axe, *rules)]
        for width in (390, 1440):
            await page.set_viewport_size({"width": width, "height": 900})
            if (wide := await page.evaluate("document.documentElement.scrollWidth")) > width:
                faults.append(f"{name}: {wide} pixels wide at {width}")

    assert faults == []
    assert seen.errors == []


async def test_the_theme_is_chosen_and_stays(page: Page) -> None:
    await page.emulate_media(color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(ground)
    button = page.get_by_role("button", name=re.compile("Theme"))
    for theme in ["light", "dark"]:
        await button.click()
        await expect(button).to_have_text(f"Theme: {theme}")
    assert await page.evaluate(ground) != light

    await page.reload()
    await expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert await page.evaluate(ground) != light


@pytest_asyncio.fixture(loop_scope="session")
async def many_routes() -> AsyncIterator[str]:
    """The address of the console of a gateway with many routes."""
    routes = [route(f"/things/{n:04}/{{id}}", to="things", cache={"ttl": "1m"}) for n in range(MANY)]
    gateway = gateway_of(route_table(*routes), {"things": "http://127.0.0.1:1"})
    async with servers() as serve:
        await serve(gateway)
        yield f"{await serve(gateway.admin_app(AdminSettings()))}/console"


async def test_a_thousand_routes_are_found_and_read_without_a_row_for_each(
    open_context: OpenContext, many_routes: str, visit: Visits, axe: str
) -> None:
    page = await (await open_context(**DESKTOP)).new_page()
    seen = visit(page)
    await page.goto(f"{many_routes}#/routes")
    await expect(page.get_by_text("1,000 of 1,000 routes")).to_be_visible()
    assert await page.locator("tbody tr").count() < 60

    await page.get_by_role("region", name="Routes").evaluate("list => { list.scrollTop = list.scrollHeight }")
    await expect(page.get_by_role("link", name="/things/0999/{id}")).to_be_visible()
    await page.get_by_label("Filter").fill("things/0512")
    await expect(page.get_by_text("1 of 1,000 routes")).to_be_visible()
    link = page.get_by_role("link", name="/things/0512/{id}")
    for _ in range(20):  # the list, and the heads of its columns, come before
        await page.keyboard.press("Tab")
        if await link.evaluate("link => link === document.activeElement"):
            break
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="GET /things/0512/{id}")).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text="cache")).to_be_visible()
    assert await seen.axe(axe) == []
    assert seen.errors == []
