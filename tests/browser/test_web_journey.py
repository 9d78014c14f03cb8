"""The web client, from a guest's first look to the order's story."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from playwright.async_api import Page, Route, expect

from tests.support.chromium import Visit, log_in
from tests.support.web_client import PEN, PEN_NAME, enter, fill_in_address, has, in_basket, put, sees

Visits = Callable[[Page], Visit]


async def test_a_guest_finds_a_pen_logs_in_and_orders_it(
    desktop_page: Page, visit: Visits, customer: str
) -> None:
    page = desktop_page
    seen = visit(page)
    await page.emulate_media(reduced_motion="no-preference")  # screens change by transitions

    await page.goto("/")
    await page.get_by_role("searchbox", name="Search the shop").fill("reed")
    await page.keyboard.press("Enter")
    await sees(page, "“reed”")
    await page.get_by_role("link", name=PEN_NAME).click()
    await sees(page, PEN_NAME)
    await page.get_by_role("button", name="Add to basket").click()
    await expect(page.get_by_role("link", name="Basket 1 piece")).to_be_visible()
    await page.get_by_role("link", name="Basket 1 piece").click()
    await sees(page, "Your basket")
    assert await in_basket(page, PEN_NAME) == 1
    assert seen.errors == []

    await page.get_by_role("link", name="To the checkout").click()
    await page.get_by_role("main").get_by_role("link", name="Log in").click()
    await log_in(page, customer)

    await sees(page, "Checkout")
    await expect(page.locator(".draft-lines")).to_contain_text(PEN_NAME)  # the guest's basket is the user's
    await fill_in_address(page)
    await page.get_by_label("Express").check()
    await page.get_by_role("button", name="Order for €105.90").click()

    await sees(page, "Thank you")
    story = page.locator(".story-step.is-past")
    await expect(story.filter(has_text="We have your order")).to_be_visible()
    await expect(story.filter(has_text="Packed")).to_be_visible()
    await expect(story.filter(has_text="Delivered")).to_be_visible()
    await expect(page.get_by_role("link", name="Basket empty")).to_be_visible()

    await page.get_by_role("link", name="Your orders").click()
    await sees(page, "Your orders")
    await expect(page.get_by_role("listitem").filter(has_text="€105.90")).to_contain_text("Delivered")
    await page.get_by_role("heading", level=2).get_by_role("link").click()
    await sees(page, re.compile("^Order of "))
    await expect(page.locator(".lead")).to_have_text("Delivered")  # the word of the list
    await expect(page.get_by_text("Inkway 1")).to_be_visible()


async def test_what_a_guest_has_chosen_joins_the_basket_of_the_user(
    desktop_page: Page, customer: str
) -> None:
    page = desktop_page
    await enter(page, customer)
    await has(page, PEN, 2)
    await page.goto("/")
    await page.get_by_label(f"Account of {customer}").click()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("banner").get_by_role("link", name="Log in")).to_be_visible()
    await put(page, PEN, 3)
    await put(page, "INKS-001", 1)

    await enter(page, customer, "/basket")

    await expect(page.get_by_role("spinbutton")).to_have_count(2)
    assert await in_basket(page, PEN_NAME) == 3  # the larger of both quantities


async def test_the_checkout_prices_country_and_coupon_anew(desktop_page: Page, customer: str) -> None:
    page = desktop_page
    await enter(page, customer)
    await has(page, PEN)
    await page.goto("/checkout")
    await expect(page.get_by_role("button", name="Order for €100.90")).to_be_enabled()

    await page.get_by_label("Country").select_option("AT")
    await expect(page.get_by_role("button", name="Order for €105.90")).to_be_enabled()
    await page.get_by_label("Coupon").fill("WELCOME10")
    await page.get_by_role("button", name="Use it").click()
    await expect(page.get_by_role("button", name="Order for €96.30")).to_be_enabled()
    await expect(page.get_by_text("WELCOME10 is taken off.")).to_be_visible()

    await page.get_by_label("Coupon").fill("NOSUCH")
    await page.get_by_role("button", name="Use it").click()
    await expect(page.locator(".coupon")).to_contain_text("We do not know NOSUCH")
    await page.get_by_role("button", name="Remove").click()
    await expect(page.get_by_role("button", name="Order for €105.90")).to_be_enabled()
    await expect(page.get_by_label("Coupon")).to_have_value("")

    async def refuse_spain(route: Route) -> None:  # as if the shop did not deliver there any more
        wanted: Any = route.request.post_data_json
        country = "AQ" if wanted["country"] == "ES" else wanted["country"]
        await route.continue_(post_data={**wanted, "country": country})

    await page.route("**/web/checkout/draft", refuse_spain)
    await page.get_by_label("Country").select_option("ES")
    await expect(page.get_by_text("We cannot deliver to Spain.")).to_be_visible()
    await expect(page.get_by_role("button", name="Order", exact=True)).to_be_disabled()
    await expect(page.locator(".sums")).to_have_text("Goods€96.00")
    await page.reload()
    await expect(page.get_by_text("We cannot deliver to Spain.")).to_be_visible()

    await page.get_by_label("Country").select_option("DE")
    await page.get_by_role("button", name=re.compile("^Order for")).click()
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await expect(page.get_by_text("Please fill this in.")).to_have_count(4)
    await page.get_by_label("City").fill("Berlin")
    await expect(page.get_by_text("Please fill this in.")).to_have_count(3)
    await expect(page.get_by_label("City")).to_have_attribute("aria-invalid", "false")


async def test_an_order_is_picked_up_at_a_store_near_a_place_or_near_the_device(
    desktop_page: Page, customer: str
) -> None:
    page = desktop_page
    await page.context.grant_permissions(["geolocation"])
    await page.context.set_geolocation({"latitude": 48.8566, "longitude": 2.3522})
    await enter(page, customer)
    await has(page, PEN)
    await page.goto("/checkout")
    await expect(page.get_by_role("button", name="Order for €100.90")).to_be_enabled()
    near, csrf = {"near": {"place": "Berlin"}}, {"X-CSRF": "1"}
    draft = partial(page.request.post, "/web/checkout/draft", data=near, headers=csrf)
    while (await (await draft()).json())["pickup"] is None:  # the first who looks waits for the stores
        pass

    place = page.get_by_label("Or pick it up in a store near")
    await place.fill("nowhere at all")
    await place.press("Enter")
    await expect(page.get_by_text("We do not know this place.")).to_be_visible()
    await page.get_by_role("button", name="Use my position").click()
    await expect(page.get_by_text("Stores near you that should have")).to_be_visible()
    await place.fill("Berlin")
    await page.get_by_role("button", name="Find stores").click()
    await expect(page.get_by_text("Stores near Berlin that should have")).to_be_visible()
    await page.get_by_role("radio", name=re.compile("^Pick up (today|tomorrow) at .*Berlin")).first.check()
    await fill_in_address(page)
    await page.get_by_role("button", name="Order for €96.00").click()

    await page.wait_for_url("**/orders/*")
    await expect(page.get_by_role("heading", name="Where you pick it up")).to_be_visible()
    await expect(page.locator("address")).to_contain_text("Frontispiece Berlin")


async def test_a_total_that_has_changed_is_confirmed_again(desktop_page: Page, customer: str) -> None:
    page = desktop_page
    await enter(page, customer)
    await has(page, PEN)
    await page.goto("/checkout")
    await fill_in_address(page)
    await page.get_by_label("Coupon").fill("WELCOME10")
    await page.get_by_role("button", name="Use it").click()
    button = page.get_by_role("button", name="Order for €91.30")
    await expect(button).to_be_enabled()
    keys: list[str] = []

    async def change_total(route: Route) -> None:  # as if the price had changed a moment ago
        keys.append(route.request.headers["idempotency-key"])
        body: Any = route.request.post_data_json
        body["total"]["amount"] -= 1
        await route.continue_(post_data=body)

    await page.route("**/web/checkout", change_total, times=1)
    await button.click()
    await expect(page.get_by_role("alert")).to_contain_text("The total has changed: it is €91.30 now")
    await expect(page).to_have_url(re.compile("/checkout$"))

    await page.get_by_role("button", name="Order for €91.30").click()
    await sees(page, "Thank you")
    assert len(keys) == 1
