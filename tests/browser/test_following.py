"""A customer follows a maker on the desktop, and reads what is new from it."""

import re
from typing import Final

import httpx
from playwright.async_api import Page, expect

from tests.support.mobile_app import set_price
from tests.support.sessions import until
from tests.support.shop import RunningShop
from tests.support.web_client import enter, open_whole, sees

SKU: Final = "PAPR-009"
"""An article that no other test buys."""

DROPS: Final = 8
"""Two more than the start page shows."""


async def test_news_of_a_followed_maker_come_in_pages_and_are_read_at_once(
    desktop_page: Page, shop: RunningShop, customer: str
) -> None:
    page = desktop_page
    await enter(page, customer)
    await open_whole(page, f"/products/{SKU}", re.compile("."))  # whether one follows may be late
    await page.get_by_role("button", name=re.compile("^Follow ")).click()
    await expect(page.get_by_role("button", name=re.compile("^Following "))).to_be_visible()

    for amount in range(400, 400 - DROPS, -1):
        await set_price(shop, SKU, amount)
    async with httpx.AsyncClient(base_url=shop.url, headers=shop.phone(customer)) as phone:

        async def unread() -> bool:
            return bool((await phone.get("/mobile/home")).json().get("unread") == DROPS)

        await until(unread)

    await page.goto("/")
    await sees(page, "For those who write, print and bind")
    news = page.locator(".news-item")
    await expect(news).to_have_count(6)
    await page.get_by_role("button", name="Older news").click()
    await expect(news).to_have_count(DROPS)
    await expect(page.get_by_role("button", name="Older news")).to_be_hidden()
    await expect(page.locator(".news-item.is-unread")).to_have_count(DROPS)

    await page.get_by_role("button", name="Mark as read").click()
    await expect(page.locator(".news-item.is-unread")).to_have_count(0)
    await expect(news).to_have_count(DROPS)
