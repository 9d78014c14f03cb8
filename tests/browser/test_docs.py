"""`/docs` of a running project, as a browser shows it."""

from collections.abc import Callable

from playwright.async_api import Page, expect

from tests.support.chromium import Visit


async def test_the_description_of_the_api_is_read_in_a_browser(
    desktop_page: Page, visit: Callable[[Page], Visit], axe: str
) -> None:
    page = desktop_page
    seen = visit(page)

    await page.goto("/docs")
    await page.get_by_label("Filter").fill("/web/products")
    operation = page.locator("details", has_text="/web/products/{sku}")
    await expect(page.locator("details:visible")).to_have_count(1)
    await operation.locator("summary").click()

    await expect(operation.get_by_role("cell", name="sku")).to_be_visible()
    await expect(operation.get_by_role("heading", name="Responses")).to_be_visible()
    await expect(operation.locator("ul.schema").first).to_be_visible()
    assert await seen.axe(axe) == []
    assert seen.errors == []
