"""The mobile app without a network, and when it comes back."""

import asyncio
import re
from collections.abc import Iterator

from playwright.async_api import Page, Request, Route, expect

from tests.browser.conftest import DESKTOP, OpenContext
from tests.support.customers import add_customers
from tests.support.mobile_app import App, basket_of, orders_of, path_of, set_price
from tests.support.shop import RunningShop
from tests.support.web_client import enter, put


async def test_screens_seen_before_are_there_with_their_time_and_others_say_that_they_are_not(
    phone_page: Page,
) -> None:
    page, app = phone_page, App(phone_page)
    await app.open("/m/products/PENS-002")
    await app.open()
    await app.installed()
    await page.reload()
    await page.context.set_offline(True)

    await app.open("/m/products/PENS-002")
    await expect(page.get_by_role("heading", name="Shallows Fountain Pen")).to_be_visible()
    await expect(page.locator("#network")).to_contain_text("Offline")
    await app.tab("Home")
    await expect(page.get_by_role("heading", name="From the workshop")).to_be_visible()
    assert await page.locator(".lead img").evaluate("(image) => image.complete && image.naturalWidth") > 0


async def test_basket_changes_without_a_network_are_sent_in_their_order_and_once(
    phone_page: Page, customer: str, shop: RunningShop
) -> None:
    page, app = phone_page, App(phone_page)
    await app.log_in(customer)
    await app.add("PENS-002")
    await app.sent()
    for sku in ("INKS-001", "INKS-002"):
        await app.open(f"/m/products/{sku}")
    await app.installed()
    await page.context.set_offline(True)
    for sku in ("INKS-001", "INKS-002"):
        await app.add(sku)
    await app.tab("Basket")
    await page.get_by_role("button", name="One more Shallows Fountain Pen").tap()
    await page.get_by_role("button", name="Remove Low Water Blue").tap()
    await expect(page.locator(".line")).to_have_count(2)
    await expect(page.get_by_text("Not sent yet")).to_have_count(2)
    await app.open("/m/basket")  # the app is closed and opened
    await expect(page.locator(".line")).to_have_count(2)

    sent: list[str] = []
    page.on("request", lambda request: sent.append(_change(request)))
    await page.context.set_offline(False)
    await app.sent()

    assert list(filter(None, sent)) == ["PUT INKS-001", "PUT INKS-002", "PUT PENS-002", "DELETE INKS-001"]
    assert await basket_of(shop, customer) == {"PENS-002": 2, "INKS-002": 1}
    await expect(page.get_by_text("Not sent yet")).to_have_count(0)


async def test_a_logout_in_the_web_client_leaves_what_waits_in_the_app(
    open_context: OpenContext, customer: str
) -> None:
    page = await (await open_context(**DESKTOP, has_touch=True)).new_page()
    await App(page).add("PENS-002")  # it waits for a login
    await enter(page, customer)
    await put(page, "INKS-001", 1)
    await page.get_by_label(f"Account of {customer}").click()
    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("banner").get_by_role("link", name="Log in")).to_be_visible()

    assert customer not in await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    await App(page).open("/m/basket")
    await expect(page.locator(".line")).to_contain_text("Shallows Fountain Pen")


async def test_what_waits_of_one_customer_is_not_sent_as_another_who_has_logged_in_since(
    open_context: OpenContext, customer: str, names: Iterator[str], shop: RunningShop
) -> None:
    other = next(names)
    await add_customers(shop.data, [other])
    context = await open_context(**DESKTOP, has_touch=True)
    page = await context.new_page()
    await App(page).log_in(customer)
    await context.route("**/mobile/basket**", lambda route: route.abort())
    await App(page).add("PENS-002")
    await page.close()
    await context.unroute_all()
    await context.clear_cookies()  # the login has ended
    page = await context.new_page()
    await enter(page, other)

    await page.goto("/m/")
    await page.locator("#notices").get_by_role("button", name="Log in").tap()
    await expect(page.locator(".toast")).to_have_text(f"You are logged in as {other}.")
    await expect(page.locator("#notices").get_by_role("button")).to_have_count(0)
    await App(page).open("/m/basket")
    await expect(page.get_by_role("heading", name="Your basket is empty")).to_be_visible()

    assert await basket_of(shop, other) == {}
    await App(page).tab("You")
    async with page.expect_response("**/identity/logout"):
        await page.get_by_role("button", name="Log out").tap()
    await App(page).log_in(customer)  # its owner comes back
    await App(page).sent()
    assert await basket_of(shop, customer) == {"PENS-002": 1}


async def test_a_change_that_the_shop_refuses_is_shown_until_it_was_read(
    phone_page: Page, customer: str
) -> None:
    page, app = phone_page, App(phone_page)
    await app.log_in(customer)

    async def rename(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, json={**await answer.json(), "sku": "GONE-001"})

    await page.context.route("**/mobile/products/PENS-002*", rename)
    await app.open("/m/products/PENS-002")
    await page.get_by_role("button", name="Add to basket").tap()
    await app.tab("Basket")

    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Shallows Fountain Pen could not be put into your basket")
    await expect(alert).to_contain_text("It is no longer sold.")
    await app.open("/m/basket")
    await page.get_by_role("alert").get_by_role("button", name="OK").tap()
    await expect(alert).to_have_count(0)


async def test_an_order_without_a_network_survives_the_app_and_asks_again_when_its_price_has_changed(
    phone_page: Page, customer: str, shop: RunningShop
) -> None:
    page, app, context = phone_page, App(phone_page), phone_page.context
    await app.log_in(customer)
    await app.add("PENS-017")
    await app.sent()
    await app.open("/m/checkout")
    await app.installed()
    await app.fill_in_address()
    await context.set_offline(True)
    place = page.get_by_role("button", name=re.compile("^Order for"))
    seen = (await place.inner_text()).removeprefix("Order for ")
    await place.tap()
    await expect(page.get_by_text(f"Order of {seen}")).to_be_visible()
    await expect(page.get_by_text("as soon as there is a network")).to_be_visible()

    await page.close()  # the app is killed, and its login ends
    await context.clear_cookies()
    await set_price(shop, "PENS-017", 9900)
    await context.set_offline(False)
    page = await context.new_page()
    app = App(page)
    await app.open()
    await page.locator("#notices").get_by_role("button", name="Log in").tap()
    assert await orders_of(shop, customer) == []
    await page.get_by_label("User name").fill(customer)
    await page.get_by_label("Password").fill("ink on paper")
    issued: asyncio.Queue[Route] = asyncio.Queue()
    await page.route("**/token", issued.put, times=1)
    await page.get_by_role("button", name="Log in").tap()
    login = await issued.get()

    await page.locator("#tabs").get_by_role("link", name="Orders").tap()
    await expect(page.get_by_role("heading", name="Orders")).to_be_visible()
    paths: list[str] = []
    page.on("framenavigated", lambda frame: paths.append(path_of(frame.url)))
    await login.continue_()
    await app.shown()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text(
        f"The price has changed since you saw {seen}. Nothing has been ordered."
    )
    await alert.get_by_role("link", name="Look at it again").tap()
    place = page.get_by_role("button", name="Order for €103.90")
    await expect(place).to_be_visible()
    await expect(page.get_by_label("Street and number")).to_have_value("Inkway 1")
    assert await orders_of(shop, customer) == []
    await place.tap()
    await expect(page.locator(".order-head")).to_be_visible()

    (order,) = await orders_of(shop, customer)
    assert order["total"] == "€103.90"
    assert "/m/" not in paths, "the login took the customer to where it had begun"


def _change(request: Request) -> str:
    """A change of the basket, as `PUT PENS-001`."""
    path = path_of(request.url)
    return f"{request.method} {path.rpartition('/')[2]}" if path.startswith("/mobile/basket/items/") else ""
