"""The web client when something fails: each failure has a screen of its own, and a way on."""

import json
import re
from collections.abc import Callable

from playwright.async_api import Page, Route, expect

from tests.support.chromium import Visit, log_in
from tests.support.web_client import PEN, PEN_NAME, STAGES, enter, expire, fill_in_address, has, put, sees


async def refuse(page: Page, path: str, status: int, headers: dict[str, str] | None = None) -> None:
    """Have the next call of a path answered with a problem."""
    body = json.dumps({"title": "Refused", "status": status, "request_id": "f00d"})

    async def answer(route: Route) -> None:
        await route.fulfill(
            status=status, content_type="application/problem+json", headers=headers, body=body
        )

    await page.route(f"**{path}", answer, times=1)


async def test_a_page_whose_service_hangs_can_be_tried_again(desktop_page: Page) -> None:
    page = desktop_page
    await refuse(page, "/web/home", 504)
    await page.goto("/")
    await sees(page, "We cannot show this right now")
    await expect(page.get_by_text("f00d")).to_be_visible()

    await page.get_by_role("button", name="Try again").click()

    await sees(page, "For those who write, print and bind")


async def test_too_many_requests_are_waited_out(desktop_page: Page) -> None:
    page = desktop_page
    await refuse(page, "/web/home", 429, {"retry-after": "2"})
    await page.goto("/")
    await sees(page, "One moment, please")
    button = page.get_by_role("button", name=re.compile("^Try again"))
    await expect(button).to_be_disabled()

    await expect(button).to_be_enabled()
    await button.click()

    await sees(page, "For those who write, print and bind")


async def test_parts_that_are_missing_are_named(desktop_page: Page) -> None:
    page = desktop_page

    async def degrade(route: Route) -> None:
        answer = await route.fetch()
        home = await answer.json()
        for card in home["featured"]:
            card |= {"stars": None, "available": None}
        headers = answer.headers | {"page-degraded": "stocks;reason=timeout, ratings;reason=unavailable"}
        await route.fulfill(response=answer, json=home, headers=headers)

    await page.route("**/web/home", degrade)
    await page.goto("/")

    await expect(page.get_by_role("note")).to_have_text(
        re.compile("^Not shown right now: stock and ratings.")
    )
    await expect(page.get_by_role("main").get_by_role("article")).to_have_count(8)
    assert await page.locator("main img:not([loading=lazy])").count() == 1
    assert await page.locator("main img[fetchpriority=high]").count() == 1


async def test_an_offline_page_comes_back_by_itself(desktop_page: Page) -> None:
    page = desktop_page
    await page.goto("/")
    await sees(page, "For those who write, print and bind")
    await page.context.set_offline(True)
    await page.get_by_role("link", name="Browse everything").click()
    await sees(page, "You are offline")

    await page.context.set_offline(False)

    await sees(page, "Everything")


async def test_the_session_ends_in_the_middle_and_nothing_filled_in_is_lost(
    desktop_page: Page, visit: Callable[[Page], Visit], customer: str, axe: str
) -> None:
    page = desktop_page
    seen = visit(page)
    await enter(page, customer)
    await has(page, PEN)
    await page.goto("/checkout")
    await fill_in_address(page)
    await expire(page.context)

    await page.get_by_role("button", name=re.compile("^Order for")).click()
    dialog = page.get_by_role("dialog", name="You have been logged out")
    await expect(dialog.get_by_role("link", name="Log in again")).to_be_focused()
    assert await seen.axe(axe) == []
    await dialog.get_by_role("link", name="Log in again").click()
    if "/identity/" in page.url:
        await log_in(page, customer)

    await sees(page, "Checkout")
    await expect(page.get_by_label("City")).to_have_value("Berlin")
    await page.get_by_role("button", name=re.compile("^Order for")).click()
    await sees(page, "Thank you")


async def test_a_session_that_has_ended_meanwhile_is_shown(desktop_page: Page, customer: str) -> None:
    page = desktop_page
    await enter(page, customer, "/")
    await sees(page, "For those who write, print and bind")
    await expire(page.context)

    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.get_by_role("status").filter(has_text="Your session has ended.")).to_be_visible()
    await page.get_by_role("button", name="Go on as a guest").click()

    await expect(page.get_by_role("banner").get_by_role("link", name="Log in")).to_be_visible()
    await expect(page.get_by_text("Your session has ended.")).to_have_count(0)


async def test_a_guest_at_the_orders_is_sent_to_the_login(desktop_page: Page) -> None:
    page = desktop_page
    await page.goto("/orders")
    await sees(page, "Please log in")

    link = page.get_by_role("main").get_by_role("link", name="Log in")

    assert await link.get_attribute("href") == "/web/session/login?return_to=%2Forders"


async def test_a_newer_release_is_offered_and_the_page_goes_on(desktop_page: Page) -> None:
    page = desktop_page
    await page.goto("/")
    await sees(page, "For those who write, print and bind")
    await page.route(
        "**/asset-manifest.json", lambda route: route.fulfill(json={"version": "another", "files": {}})
    )

    await page.evaluate("dispatchEvent(new Event('focus'))")

    await expect(page.get_by_role("status").filter(has_text="There is a newer version")).to_be_visible()
    await page.get_by_role("link", name="Browse everything").click()
    await sees(page, "Everything")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Load it").click()


async def test_a_client_that_is_too_old_is_loaded_anew(desktop_page: Page) -> None:
    page = desktop_page
    await page.goto("/")
    await refuse(page, "/web/search?*", 426)
    await page.get_by_role("link", name="Browse everything").click()
    await sees(page, "This page is out of date")

    async with page.expect_navigation():
        await page.get_by_role("button", name="Load anew").click()

    await sees(page, "Everything")


async def test_what_does_not_exist_is_not_found(desktop_page: Page) -> None:
    page = desktop_page
    answer = await page.goto("/nowhere")
    assert answer is not None
    assert answer.status == 404
    await sees(page, "There is nothing here")

    answer = await page.goto("/welcome")
    assert answer is not None
    assert answer.status == 404
    for path in ("/products/%25", "/search?brand=%00"):
        await page.goto(path)
        await sees(page, "There is nothing here")
        await expect(page.get_by_role("main").get_by_role("link")).to_have_text("To the start page")

    await page.goto("/products/NOPE-1")
    await sees(page, "Not on our shelves")
    await page.get_by_role("main").get_by_role("link").click()
    await sees(page, "Everything")


async def test_an_order_is_followed_without_its_events(desktop_page: Page, customer: str) -> None:
    page = desktop_page
    await enter(page, customer)
    await has(page, PEN)
    await page.goto("/checkout")
    await fill_in_address(page)
    await page.route(STAGES, lambda route: route.abort())

    await page.get_by_role("button", name=re.compile("^Order for")).click()

    await expect(page.locator(".story-step.is-past").filter(has_text="Packed")).to_be_visible()
    await expect(page.get_by_role("link", name=PEN_NAME)).to_be_visible()


async def test_a_login_in_another_tab_is_taken_up(desktop_page: Page, customer: str) -> None:
    page = desktop_page
    await put(page, PEN)
    await page.goto("/orders")
    await sees(page, "Please log in")
    other = await page.context.new_page()
    await enter(other, customer, "/")
    await sees(other, "For those who write, print and bind")

    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    await sees(page, "Your orders")
    await expect(page.get_by_label(f"Account of {customer}")).to_be_visible()
