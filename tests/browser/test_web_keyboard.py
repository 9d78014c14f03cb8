"""The web client without a mouse, and for those who hear it."""

import re

from playwright.async_api import Page, expect

from tests.support.web_client import PEN, PEN_NAME, open_whole, sees

FOCUSED = """
() => {
  const element = document.activeElement;
  return element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent.trim();
}
"""


async def focused(page: Page, presses: int) -> list[str]:
    """What has the focus after each of some presses of the tab key."""
    names = []
    for _ in range(presses):
        await page.keyboard.press("Tab")
        names.append(await page.evaluate(FOCUSED))
    return names


async def tab_to(page: Page, name: str) -> None:
    """Press the tab key until something of this name has the focus."""
    for _ in range(60):
        if (await focused(page, 1))[0] == name:
            return
    raise AssertionError(f"{name} cannot be reached by the tab key")


async def test_the_focus_goes_through_a_page_in_its_order(desktop_page: Page) -> None:
    page = desktop_page
    await open_whole(page, f"/products/{PEN}", PEN_NAME)

    assert await focused(page, 16) == [
        "Skip to the content",
        "Frontispiece",
        "Search the shop",
        "Search",
        "Log in",
        "Basket empty",
        "Shop",
        "Pens",
        f"Show: {PEN_NAME}",
        f"Show: {PEN_NAME}, seen closely",
        "Copper Heron",
        "8 reviews",
        f"One {PEN_NAME} fewer",
        f"Quantity of {PEN_NAME}",
        f"One more {PEN_NAME}",
        "Add to basket",
    ]


async def test_an_article_is_found_and_put_in_by_keys_alone(desktop_page: Page) -> None:
    page = desktop_page
    await page.goto("/")
    await sees(page, re.compile("For those"))
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"

    await page.get_by_role("searchbox").focus()
    await page.keyboard.type("reed")
    await page.keyboard.press("Enter")
    await sees(page, "“reed”")
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await tab_to(page, PEN_NAME)
    await page.keyboard.press("Enter")
    await sees(page, PEN_NAME)
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await expect(page).to_have_title(f"{PEN_NAME} · Frontispiece")
    await tab_to(page, f"One more {PEN_NAME}")
    await page.keyboard.press("Space")
    await tab_to(page, "Add to basket")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("status").filter(has_text=f"{PEN_NAME}: in the basket.")).to_be_visible()
    await expect(page.get_by_role("link", name="Basket 2 pieces")).to_be_visible()
    await expect(page.get_by_role("button", name="Add to basket")).to_be_focused()


async def test_nothing_moves_where_reduced_motion_is_preferred(desktop_page: Page) -> None:
    page = desktop_page
    await page.add_init_script(
        "document.startViewTransition = () => { throw new Error('a transition was started'); };"
    )
    await page.goto("/")
    await page.get_by_role("link", name="Browse everything").click()

    await sees(page, "Everything")
    picture = page.locator(".card .picture").first
    duration = await picture.evaluate("(each) => getComputedStyle(each).transitionDuration")
    assert float(duration.removesuffix("s")) < 0.001
