"""The mobile app as its users touch it."""

from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from playwright.async_api import Page, expect

from tests.support.chromium import log_in
from tests.support.shop import RunningShop

ADDRESS: Final = {
    "Name": "A Customer",
    "Street and number": "Inkway 1",
    "Postal code": "10115",
    "City": "Berlin",
}

BESIDE: Final = ("/mobile/config", "/mobile/sync")
"""What the app calls beside its screens."""


expect.set_options(timeout=60_000)


class App:
    """The app on a page.

    Args:
        page: a page on a phone.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    async def open(self, path: str = "/m/") -> int:
        """Open a screen by its path, as from a link elsewhere, and wait until it is there.

        On a busy machine the shop can be late, and is asked again: how often it was asked.
        """
        await self.page.goto(path)
        await self.shown()
        attempts = 1
        while await self.page.get_by_text("The shop does not answer").is_visible():
            await self.page.get_by_role("button", name="Try again").tap()
            await self.shown()
            attempts += 1
        return attempts

    async def shown(self) -> None:
        """Wait until the screen shows what it has to show."""
        await expect(self.page.locator("main .screen")).to_be_visible()
        await expect(self.page.locator("main [aria-busy]")).to_have_count(0)

    async def tab(self, name: str) -> None:
        """Touch a tab."""
        await self.page.locator("#tabs").get_by_role("link", name=name).tap()
        await self.shown()

    async def installed(self) -> None:
        """Wait until the service worker holds the release and controls the page."""
        ready = (
            "navigator.serviceWorker.ready.then(({ active }) => active.state === 'activated' || active.state)"
        )
        await self.page.evaluate(ready)
        await self.page.wait_for_function("navigator.serviceWorker.controller !== null")

    async def log_in(self, user: str) -> None:
        """Log in on the tab `You`."""
        await self.open("/m/account")
        await self.page.get_by_role("button", name="Log in").tap()
        await log_in(self.page, user)
        await expect(self.page.get_by_role("button", name="Log out")).to_be_visible()

    async def add(self, sku: str) -> None:
        """Put a product into the basket, on its screen."""
        await self.open(f"/m/products/{sku}")
        await self.page.get_by_role("button", name="Add to basket").tap()
        await expect(self.page.locator(".toast")).to_contain_text("is in your basket")

    async def fill_in_address(self) -> None:
        """Fill in the address of the checkout."""
        for label, value in ADDRESS.items():
            await self.page.get_by_label(label, exact=True).fill(value)

    async def sent(self) -> None:
        """Wait until nothing waits for the network."""
        await self.page.evaluate(UNTIL_SENT)


UNTIL_SENT: Final = """async () => {
  const database = await new Promise((resolve) => {
    indexedDB.open("shop").onsuccess = ({ target }) => resolve(target.result);
  });
  const count = () => new Promise((resolve) => {
    const counted = database.transaction("outbox").objectStore("outbox").count();
    counted.onsuccess = () => resolve(counted.result);
  });
  while (await count()) await new Promise((resolve) => setTimeout(resolve, 20));
  database.close();
}"""


def screen_calls(calls: list[str]) -> list[str]:
    """The calls of screens, without those that the app makes beside them; the list is empty afterwards."""
    screens = [call for call in calls if not call.endswith(BESIDE)]
    calls.clear()
    return screens


async def basket_of(shop: RunningShop, customer: str) -> dict[str, int]:
    """What the shop has in a customer's basket."""
    async with httpx.AsyncClient(base_url=shop.url, headers=shop.phone(customer)) as client:
        lines: list[dict[str, Any]] = (await client.get("/mobile/basket")).raise_for_status().json()["lines"]
    return {line["sku"]: line["quantity"] for line in lines}


async def orders_of(shop: RunningShop, customer: str) -> list[dict[str, Any]]:
    """What a customer has ordered, newest first."""
    async with httpx.AsyncClient(base_url=shop.url, headers=shop.phone(customer)) as client:
        orders: list[dict[str, Any]] = (await client.get("/mobile/orders")).raise_for_status().json()["items"]
    return orders


async def set_price(shop: RunningShop, sku: str, amount: int) -> None:
    """Change the price of a product, in cents."""
    headers = {**shop.phone("clerk"), "If-Match": "*", "Content-Type": "application/merge-patch+json"}
    async with httpx.AsyncClient(base_url=shop.url, headers=headers) as client:
        change = {"price": {"amount": amount, "currency": "EUR"}}
        (await client.patch(f"/api/catalog/products/{sku}", json=change)).raise_for_status()


def path_of(url: str) -> str:
    """The path of a URL."""
    return urlsplit(url).path
