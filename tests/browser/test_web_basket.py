"""The web client's basket: changed at once, taken back when that fails, the same in every tab."""

import re

from playwright.async_api import Page, Route, expect

from tests.support.web_client import PEN, PEN_NAME, enter, hold, in_basket, put, sees


async def test_a_change_shows_at_once_and_is_taken_back_when_it_fails(desktop_page: Page) -> None:
    page = desktop_page
    await put(page, PEN)
    await page.goto("/basket")
    await sees(page, "Your basket")
    held = await hold(page, "**/web/basket/items/*")

    await page.get_by_role("button", name=f"One more {PEN_NAME}").click()
    await expect(page.locator(".sum")).to_contain_text("€192.00")  # before the shop has answered
    assert await in_basket(page, PEN_NAME) == 2
    route = await held.get()
    await route.fulfill(
        status=503, content_type="application/problem+json", body='{"title": "Away", "status": 503}'
    )

    await expect(page.get_by_role("status").filter(has_text="stays as it was")).to_be_visible()
    await expect(page.locator(".sum")).to_contain_text("€96.00")
    assert await in_basket(page, PEN_NAME) == 1
    await expect(page.get_by_role("link", name="Basket 1 piece")).to_be_visible()


async def test_quick_changes_of_an_article_become_few_calls(desktop_page: Page) -> None:
    page = desktop_page
    await put(page, PEN)
    await page.goto("/basket")
    await sees(page, "Your basket")
    held = await hold(page, "**/web/basket/items/*")
    more = page.get_by_role("button", name=f"One more {PEN_NAME}")

    await more.click()
    first = await held.get()
    for _ in range(3):
        await more.click()
    await first.continue_()
    second = await held.get()
    await second.continue_()

    assert second.request.post_data_json == {"quantity": 5}
    await expect(page.get_by_role("status").filter(has_text="5 pieces. The sum is €480.00.")).to_be_attached()
    await expect(more).to_be_focused()
    assert held.empty()


async def test_two_tabs_agree_on_the_basket(desktop_page: Page) -> None:
    one = desktop_page
    await put(one, PEN)
    await one.goto("/basket")
    await sees(one, "Your basket")
    other = await one.context.new_page()

    await put(other, "INKS-001", 2)

    await expect(one.get_by_role("spinbutton")).to_have_count(2)
    await expect(one.get_by_role("link", name="Basket 3 pieces")).to_be_visible()
    await one.get_by_role("button", name=f"Remove {PEN_NAME}").click()
    await expect(other.get_by_role("link", name="Basket 2 pieces")).to_be_visible()


async def test_a_removed_article_comes_back_by_undo(desktop_page: Page) -> None:
    page = desktop_page
    await put(page, PEN, 2)
    await page.goto("/basket")
    await page.get_by_role("button", name=f"Remove {PEN_NAME}").click()
    await expect(page.get_by_text("There is nothing in it yet.")).to_be_visible()

    await page.get_by_role("button", name="Undo").click()

    await expect(page.locator(".sum")).to_contain_text("€192.00")
    assert await in_basket(page, PEN_NAME) == 2


async def test_prices_that_have_changed_and_articles_that_wait_are_shown(desktop_page: Page) -> None:
    page = desktop_page
    await put(page, PEN)

    async def change(route: Route) -> None:
        answer = await route.fetch()
        basket = await answer.json()
        basket["lines"][0]["price_when_added"] = {"amount": 9000, "currency": "EUR"}
        basket["lines"][0]["article"]["available"] = None
        basket["lines"].append({**basket["lines"][0], "sku": "GONE-1", "article": None, "total": None})
        basket["waiting"] = [{"sku": "INKS-001", "quantity": 4}]
        headers = answer.headers | {"page-degraded": "stocks;reason=timeout"}
        await route.fulfill(response=answer, json=basket, headers=headers)

    await page.route("**/web/basket", change)
    await page.goto("/basket")

    await expect(page.get_by_text("It has become dearer: it was €90.00 when you put it in.")).to_be_visible()
    await expect(page.get_by_text("No longer sold. Remove it")).to_be_visible()
    await expect(page.get_by_role("note")).to_contain_text("Not shown right now: stock.")
    await expect(page.get_by_text("We cannot see the stock right now.")).to_be_visible()
    await expect(page.get_by_role("region", name="Waiting for room")).to_contain_text(
        re.compile("4 . *INKS-001")
    )


async def test_a_shortage_is_shown_from_the_basket_on(desktop_page: Page, customer: str) -> None:
    page = desktop_page
    await enter(page, customer)
    await put(page, "PENS-005", 6)
    name = await page.get_by_role("heading", level=1).inner_text()
    await page.goto("/basket")
    await expect(page.locator(".basket-line:not([aria-hidden])")).to_contain_text("Only 1 in stock")

    await page.get_by_role("link", name="To the checkout").click()

    await expect(page.get_by_role("alert")).to_contain_text(f"{name}: only 1 in stock, and you want 6.")
