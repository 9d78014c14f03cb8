"""The web client's search: as somebody types, narrowed down, and on."""

import re

from playwright.async_api import Page, expect

from tests.support.web_client import hold, sees


async def test_results_come_while_the_customer_types(desktop_page: Page) -> None:
    page = desktop_page
    await page.goto("/search")
    await sees(page, "Everything")
    entries = await page.evaluate("history.length")
    box = page.get_by_role("searchbox", name="Search the shop")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/web/search" in request.url else None)

    await box.press_sequentially("reed pen", delay=10)

    await sees(page, "“reed pen”")
    await expect(page).to_have_url(re.compile(r"/search\?q=reed\+pen$"))
    await expect(box).to_be_focused()
    assert await page.evaluate("history.length") == entries
    assert len(asked) < len("reed pen")  # not a call for each letter


async def test_an_older_search_does_not_overtake_a_newer_one(desktop_page: Page) -> None:
    page = desktop_page
    await page.goto("/search")
    await sees(page, "Everything")
    held = await hold(page, re.compile(r"/web/search\?q=pen&"))
    box = page.get_by_role("searchbox", name="Search the shop")

    await box.fill("pen")
    older = await held.get()
    async with page.expect_event("requestfailed", lambda request: "q=pen&" in request.url):
        await box.fill("lamp")

    await sees(page, "“lamp”")
    assert older.request.failure == "net::ERR_ABORTED"


async def test_facets_narrow_down_and_stand_in_the_address(desktop_page: Page) -> None:
    page = desktop_page
    await page.goto("/search?q=ink")
    await sees(page, "“ink”")

    await page.get_by_role("checkbox", name="Pens").check()
    await expect(page.locator(".result-count")).to_have_text("32 articles")
    await expect(page.get_by_role("checkbox", name="Pens")).to_be_focused()
    await page.get_by_role("radio", name="€50 to €100").check()
    await page.get_by_label("Order").select_option("price")
    await expect(page).to_have_url(re.compile(r"q=ink&type=pens&min_price=5000&max_price=9999&sort=price$"))

    await page.reload()

    await expect(page.get_by_role("checkbox", name="Pens")).to_be_checked()
    await expect(page.get_by_role("radio", name="€50 to €100")).to_be_checked()
    await page.get_by_role("button", name="Without Pens").click()
    await expect(page).to_have_url(re.compile(r"q=ink&min_price=5000"))


async def test_more_results_are_there_again_after_a_look_at_one(desktop_page: Page) -> None:
    page = desktop_page
    await page.goto("/search?type=pens")
    await sees(page, "Pens")
    cards = page.get_by_role("region", name="Results").get_by_role("article")
    await page.get_by_role("button", name="Show more").click()
    await expect(cards).to_have_count(32)
    await expect(cards.nth(24).get_by_role("link")).to_be_focused()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/web/search" in request.url else None)

    await cards.nth(30).get_by_role("link").click()
    await expect(page).to_have_url(re.compile("/products/"))
    await page.go_back()

    await expect(cards).to_have_count(32)
    await expect(cards.nth(30)).to_be_in_viewport()
    assert asked == []


async def test_a_search_that_finds_nothing_has_a_way_on(desktop_page: Page) -> None:
    page = desktop_page
    await page.goto("/search?q=zeppelin")
    await expect(page.get_by_role("heading", name="Nothing is called “zeppelin”")).to_be_visible()

    await page.get_by_role("link", name="Browse everything").click()

    await sees(page, "Everything")
