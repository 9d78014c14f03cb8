"""The mobile app, used by touch: from the start screen to the parcel."""

import os
import re
from collections.abc import Callable
from typing import Any

from playwright.async_api import Page, Route, expect

from tests.browser.conftest import PHONE, OpenContext
from tests.support.chromium import SCHEMES, Visit, log_in
from tests.support.mobile_app import App, basket_of, screen_calls
from tests.support.shop import RunningShop
from tests.support.web_client import SHIFTS

Watch = Callable[[Page], Visit]


async def test_a_guest_finds_a_pen_logs_in_and_orders_it(
    phone_page: Page, visit: Watch, customer: str, shop: RunningShop
) -> None:
    page, app, seen = phone_page, App(phone_page), visit(phone_page)
    await page.emulate_media(reduced_motion="no-preference")  # screens change by transitions
    await app.open()
    await app.tab("Search")
    await page.get_by_role("searchbox").fill("lettering pen")
    await expect(page).to_have_url(re.compile(r"q=lettering\+pen"))
    await page.get_by_role("link", name="Thornwood Lettering Pen").tap()
    await expect(page.get_by_role("heading", name="Thornwood Lettering Pen")).to_be_visible()

    await page.get_by_role("button", name="Add to basket").tap()
    await expect(page.locator("#tabs").get_by_text("1 piece")).to_be_visible()
    await app.tab("Basket")
    await page.get_by_role("button", name="One more Thornwood Lettering Pen").tap()
    await expect(page.locator(".line-total")).to_have_text("€47.00")
    await page.get_by_role("link", name="Log in and order").tap()
    await page.get_by_role("button", name="Log in").tap()
    await log_in(page, customer)

    await app.fill_in_address()
    assert await basket_of(shop, customer) == {"PENS-028": 2}
    await page.get_by_label("Express").check()
    await page.get_by_role("button", name="Order for €56.90").tap()

    await expect(page.locator(".stage.is-done")).to_have_count(7)
    await expect(page.locator(".stage.is-done").last).to_have_text("Packed")
    await expect(page.locator(".tracking")).to_contain_text("Delivered", timeout=60_000)
    await expect(page.locator(".status")).to_have_text("Delivered")  # one word for one state
    await app.tab("Orders")
    await expect(page.locator(".entry")).to_contain_text("€56.90")
    await expect(page.locator(".status")).to_have_text("Delivered")
    assert await basket_of(shop, customer) == {}
    assert seen.errors == []


async def test_an_order_is_picked_up_at_a_store_which_stays_chosen_when_the_total_has_changed(
    phone_page: Page, customer: str
) -> None:
    page, app = phone_page, App(phone_page)
    await app.open("/m/account")
    await app.log_in(customer)
    await app.add("INKS-002")
    await app.sent()
    await app.open("/m/checkout")
    await page.get_by_label("Pick it up in a store near").fill("Berlin")
    draft: Any = {}
    while draft.get("pickup") is None:  # the first who looks waits for the stores
        async with page.expect_response(re.compile("/mobile/checkout/draft")) as found:
            await page.get_by_role("button", name="Find stores").tap()
        draft = await (await found.value).json()
    await expect(page.get_by_text("Stores near Berlin are among the deliveries below.")).to_be_visible()
    store = page.get_by_role("radio", name=re.compile("^Pick up (today|tomorrow) at .*Berlin")).first
    await store.check()
    await app.fill_in_address()

    async def change_total(route: Route) -> None:  # as if the price had changed a moment ago
        body: Any = route.request.post_data_json
        body["total"]["amount"] -= 1
        await route.continue_(post_data=body)

    await page.context.route("**/mobile/checkout", change_total, times=1)
    order = page.get_by_role("button", name="Order for €14.50")
    await order.tap()
    await expect(page.get_by_text("Please look at the new total")).to_be_visible()
    await expect(store).to_be_checked()
    await order.tap()

    await expect(page.get_by_role("heading", name="Where you pick it up")).to_be_visible()
    await expect(page.locator("[aria-labelledby=parcel]")).to_contain_text("Frontispiece Berlin")


async def test_a_product_is_under_the_tab_that_it_was_opened_from_and_one_that_is_not_there_leads_to_the_shop(
    phone_page: Page,
) -> None:
    page, app = phone_page, App(phone_page)
    present = page.locator("#tabs [aria-current]")
    await app.open()
    shown = await page.locator(".lead, .card-link").evaluate_all("(links) => links.map(({ href }) => href)")
    assert len({re.sub(r".*/|-.*", "", href) for href in shown}) >= 4, shown  # of how many departments
    await page.locator(".lead").tap()
    await expect(page.get_by_role("button", name="Add to basket")).to_be_visible()
    await expect(present).to_contain_text("Home")

    await app.open("/m/products/NONE-1")
    await expect(page.get_by_role("heading", name="Not here")).to_be_visible()
    await expect(present).to_contain_text("Search")
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    await page.locator("main").get_by_role("link", name="To the shop").tap()
    await expect(page.get_by_role("heading", name="From the workshop")).to_be_visible()


async def test_every_screen_is_one_call_accessible_steady_and_large_enough_to_touch(
    open_context: OpenContext, visit: Watch, customer: str, axe: str
) -> None:
    context = await open_context(**PHONE)
    await context.add_init_script(SHIFTS)
    page = await context.new_page()
    app, seen = App(page), visit(page)
    pictures = os.environ.get("BROWSER_PICTURES")
    faults: list[str] = []

    async def look(name: str) -> None:
        for scheme, rules in SCHEMES.items():
            await page.emulate_media(color_scheme=scheme)
            await page.evaluate(TWO_FRAMES)
            faults.extend(f"{name}, {scheme}: {fault}" for fault in await seen.axe(axe, *rules))
            if pictures:
                await page.screenshot(path=f"{pictures}/mobile-{name}-{scheme}.png", animations="disabled")
        faults.extend(f"{name}: too small: {element}" for element in await page.evaluate(TOO_SMALL))
        if (shift := await page.evaluate("window.layoutShift")) > MAX_SHIFT:
            faults.append(f"{name}: a layout shift of {shift}")
        for width in (320, 768, 390):
            await page.set_viewport_size({"width": width, "height": 844})
            if (edge := await page.evaluate(RIGHT_EDGE)) > width:
                faults.append(f"{name}: {edge} pixels wide at {width}")

    await app.open("/m/orders")
    await look("logged-out")
    await app.log_in(customer)
    await look("account")
    await app.add("PENS-006")
    await app.sent()
    screen_calls(seen.calls)
    for name, (path, call) in SCREENS.items():
        attempts = await app.open(path)
        await page.wait_for_load_state("networkidle")
        assert screen_calls(seen.calls) == [call] * attempts, path
        await look(name)
    await app.fill_in_address()
    await page.get_by_role("button", name=re.compile("^Order for")).tap()
    await expect(page.locator(".status")).to_have_text("Delivered")  # nothing is drawn anew any more
    await look("order")
    screen_calls(seen.calls)
    await app.tab("Orders")
    await page.wait_for_load_state("networkidle")
    assert screen_calls(seen.calls) == ["GET /mobile/orders"]
    await look("orders")

    assert faults == []
    late = "status of 50"  # the shop was asked again
    assert [error for error in seen.errors if late not in error] == []


MAX_SHIFT = 0.1
"""Cumulative layout shift that counts as good."""

SCREENS = {
    "home": ("/m/", "GET /mobile/home"),
    "search": ("/m/search?q=ink", "GET /mobile/search"),
    "product": ("/m/products/PENS-010", "GET /mobile/products/PENS-010"),
    "basket": ("/m/basket", "GET /mobile/basket"),
    "checkout": ("/m/checkout", "POST /mobile/checkout/draft"),
}

TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"

RIGHT_EDGE = """Math.max(document.documentElement.scrollWidth,
  ...[...document.querySelectorAll(".action-bar *, .tabs *")]
    .map((each) => each.getBoundingClientRect().right))"""
"""How far anything reaches; what is fixed does not make the page wider."""

TOO_SMALL = """[...document.querySelectorAll("a, button, select, input:not([type=radio])")]
  .filter((element) => !element.closest("[hidden], .skip-link, p, li.card"))
  .map((element) => ({ box: element.getBoundingClientRect(), text: element.outerHTML.slice(0, 90) }))
  .filter(({ box }) => box.width > 0 && (box.height < 43.5 || box.width < 43.5))
  .map(({ text }) => text)"""
"""What is touched and smaller than 44 px; not links within a text, nor the names of cards."""
