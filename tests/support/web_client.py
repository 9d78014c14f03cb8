"""What tests of the web client share: steps of a visitor, and how stable a page is drawn."""

import re
from asyncio import Queue
from typing import Final
from urllib.parse import urljoin

from playwright.async_api import BrowserContext, Page, Route, expect

from frontispiece.login.flow import LoginForm
from shop.demo import PASSWORD
from tests.support.contracts import operation

PEN: Final = "PENS-004"
PEN_NAME: Final = "Copper Reed Pen"

STAGES: Final = re.compile(operation("OrderStages")["documentId"].removeprefix("sha256:"))
"""The calls by which the web client follows an order."""

SHIFTS: Final = """
window.layoutShift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layoutShift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
"""A script that sums up the layout shifts of a page in `layoutShift`."""


async def put(page: Page, sku: str, quantity: int = 1) -> None:
    """Open a product's page and put some pieces of it into the basket."""
    await page.goto(f"/products/{sku}")
    await page.get_by_role("spinbutton", name="Quantity of").fill(str(quantity))
    async with page.expect_response(lambda response: response.request.method == "PUT"):
        await page.get_by_role("button", name="Add to basket").click()


async def has(page: Page, sku: str, quantity: int = 1) -> None:
    """Have some pieces of a product in the basket, without a look at it."""
    answer = await page.request.put(
        f"/web/basket/items/{sku}", data={"quantity": quantity}, headers={"X-CSRF": "1"}
    )
    assert answer.ok, await answer.text()


async def enter(page: Page, user: str, path: str = "") -> None:
    """Log in as a browser does, though no page is drawn; then open the page of this path, if any."""
    shown = await page.request.get("/web/session/login?return_to=/orders")
    form = LoginForm(await shown.text())
    assert form.action is not None, form.alert
    answer = await page.request.post(urljoin(shown.url, form.action), form={**form.filled(user, PASSWORD)})
    assert answer.url.endswith("/orders"), answer.url
    if path:
        await page.goto(path)


async def fill_in_address(page: Page) -> None:
    """Fill in the address of the checkout."""
    await page.get_by_label("Name", exact=True).fill("A Customer")
    await page.get_by_label("Street and number").fill("Inkway 1")
    await page.get_by_label("Postal code").fill("10115")
    await page.get_by_label("City").fill("Berlin")


async def order(page: Page, sku: str = PEN) -> str:
    """Order one piece of a product, as a user who is logged in; the path of the order's page."""
    await has(page, sku)
    await page.goto("/checkout")
    await fill_in_address(page)
    await page.get_by_role("button", name=re.compile("^Order for")).click()
    await page.wait_for_url("**/orders/*")
    return page.url.removeprefix(await page.evaluate("location.origin"))


async def in_basket(page: Page, name: str) -> int:
    """How many pieces of a product the basket's page shows."""
    return int(await page.get_by_role("spinbutton", name=f"Quantity of {name}").input_value())


async def sees(page: Page, heading: str | re.Pattern[str]) -> None:
    """Wait until the screen has this heading, and nothing more to load."""
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


async def open_whole(page: Page, path: str, heading: str | re.Pattern[str]) -> int:
    """Open a page, anew as long as parts of it are missing: how often it was opened.

    On a busy machine a part can be late, and then the page comes without it.
    """
    loads = 0
    while loads == 0 or await page.get_by_role("note").count() > 0:
        await page.goto(path)
        await sees(page, heading)
        loads += 1
    return loads


async def hold(page: Page, path: str | re.Pattern[str]) -> Queue[Route]:
    """Hold the calls of a path from now on: they wait for the test, in order."""
    held: Queue[Route] = Queue()
    await page.route(path, held.put)
    return held


async def expire(context: BrowserContext) -> None:
    """Have the browser lose its session, as when it has been idle for too long."""
    await context.clear_cookies(name=re.compile("session"))
