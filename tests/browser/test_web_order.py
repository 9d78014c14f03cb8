"""The web client's order: its story as it goes on, and its cancellation."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Page, Route, expect

from tests.support.web_client import STAGES, enter, hold, order

CSRF = {"X-CSRF": "1"}


async def test_a_story_that_breaks_off_goes_on_where_it_was(desktop_page: Page, customer: str) -> None:
    page = desktop_page
    await enter(page, customer)
    resumed_after: list[str] = []

    async def break_off(route: Route) -> None:
        (variables,) = parse_qs(urlsplit(route.request.url).query)["variables"]
        resumed_after.append(json.loads(variables)["lastEventId"])
        if len(resumed_after) > 1:
            await route.continue_()
            return
        answer = await route.fetch()
        first, _, _ = (await answer.text()).partition('"stage":"stock-reserved"')
        await route.fulfill(response=answer, body=first.rpartition("event: next")[0])

    await page.route(STAGES, break_off)
    await order(page)

    await expect(page.locator(".story-step.is-past").filter(has_text="Paid")).to_be_visible()
    assert resumed_after == ["", "1"]


async def test_the_page_of_an_order_shows_that_the_session_has_ended(
    desktop_page: Page, customer: str
) -> None:
    page = desktop_page
    await enter(page, customer)
    held = await hold(page, STAGES)
    await order(page)
    followed = await held.get()

    await page.request.post("/web/session/logout", headers=CSRF)
    await followed.continue_()

    await expect(page.get_by_role("dialog", name="You have been logged out")).to_be_visible()


async def test_an_order_that_is_confirmed_can_no_longer_be_cancelled(
    desktop_page: Page, customer: str
) -> None:
    page = desktop_page
    await enter(page, customer)
    await hold(page, STAGES)  # the page goes on to show what was
    path = await order(page)
    status = "pending"
    while status == "pending":
        status = (await (await page.request.get(f"/web{path}", headers=CSRF)).json())["status"]

    await page.get_by_role("button", name="Cancel the order").click()

    await expect(page.get_by_role("status").filter(has_text="can no longer be cancelled")).to_be_visible()


async def test_a_cancelled_order_says_that_nothing_is_charged(desktop_page: Page, customer: str) -> None:
    page = desktop_page
    await enter(page, customer)
    await hold(page, STAGES)
    path = await order(page)
    known: dict[str, Any] = await (await page.request.get(f"/web{path}", headers=CSRF)).json()
    cancelled = known | {
        "status": "pending",
        "stage": "cancellation-started",
        "reason": "cancelled-by-customer",
    }
    await page.route("**/cancel", lambda route: route.fulfill(status=202, json=cancelled))

    await page.get_by_role("button", name="Cancel the order").click()

    await expect(page.get_by_text("You have cancelled it. Nothing is charged.")).to_be_visible()
    await expect(page.get_by_role("button", name="Cancel the order")).to_have_count(0)
