"""The web client's product page, drawn as its parts arrive."""

from typing import Any

import httpx
from playwright.async_api import Page, expect

from tests.support.shop import RunningShop
from tests.support.web_client import PEN, PEN_NAME, open_whole

HELD_STREAM = """
const whole = window.fetch;
window.fetch = (url, init) => {
  if (!String(url).startsWith("/web/products/")) return whole(url, init);
  const body = new ReadableStream({
    start(stream) {
      window.send = (frame) => stream.enqueue(new TextEncoder().encode(JSON.stringify(frame) + "\\n"));
    },
  });
  return Promise.resolve(new Response(body, { headers: { "content-type": "application/x-ndjson" } }));
};
"""
"""A script that leaves it to the test when each frame of a product's page arrives."""


async def product_of(shop: RunningShop) -> dict[str, Any]:
    """What the BFF says of the product."""
    async with httpx.AsyncClient(base_url=shop.url) as client:
        product: dict[str, Any] = (await client.get(f"/web/products/{PEN}")).json()
    return product


def card_of(product: dict[str, Any]) -> dict[str, Any]:
    """The card of a product."""
    facts = {
        name: product[name] for name in ("sku", "name", "brand", "type", "price", "list_price", "available")
    }
    return facts | {"image": product["images"][0], "stars": {"average": 4.0, "count": 2}}


async def test_each_part_is_drawn_when_it_arrives(desktop_page: Page, shop: RunningShop) -> None:
    page = desktop_page
    product = await product_of(shop)
    empty: dict[str, Any] = {"available": None, "reviews": {"rating": None, "latest": []}, "related": []}
    related = [card_of(product) | {"sku": f"PENS-{number}"} for number in range(6)]
    await page.add_init_script(HELD_STREAM)
    await page.goto(f"/products/{PEN}")
    send = "(frame) => window.send(frame)"

    await page.evaluate(send, {"view": product | empty})
    await expect(page.get_by_role("heading", level=1)).to_have_text(PEN_NAME)
    await expect(page.get_by_text("In stock")).to_have_count(0)
    await expect(page.locator(".related .skeleton").first).to_be_attached()

    await page.evaluate(send, {"path": "/available", "data": 3})
    await expect(page.get_by_text("Only 3 left")).to_be_visible()
    await page.get_by_role("spinbutton").fill("4")
    await expect(page.get_by_role("status").filter(has_text="Only 3 in stock")).to_be_visible()
    await page.get_by_role("spinbutton").fill("3")
    await expect(page.get_by_text("Only 3 in stock")).to_have_count(0)
    await page.evaluate(send, {"path": "/related", "data": related})
    await expect(page.get_by_role("region", name="Goes well with it").get_by_role("article")).to_have_count(6)

    await page.evaluate(send, {"end": {"degraded": {"latest": "timeout", "ratings": "unavailable"}}})
    await expect(page.get_by_role("note")).to_contain_text("Not shown right now: reviews and ratings.")
    await expect(page.get_by_text("Reviews cannot be shown right now.")).to_be_visible()


async def test_the_screen_begins_with_what_its_card_has_shown(desktop_page: Page, shop: RunningShop) -> None:
    page = desktop_page
    product = await product_of(shop)
    await page.add_init_script(HELD_STREAM)
    await page.goto("/search?q=reed")
    await page.get_by_role("link", name=PEN_NAME).click()

    await expect(page.get_by_role("heading", level=1)).to_have_text(PEN_NAME)
    await expect(page.locator(".product-price")).to_have_text("€96.00")

    await page.get_by_role("spinbutton").fill("3")
    await page.evaluate("(frame) => window.send(frame)", {"view": product})
    await expect(page.get_by_text(product["description"][:40])).to_be_visible()
    await expect(page.get_by_role("spinbutton")).to_have_value("3")


async def test_a_reduced_price_says_the_usual_one_and_pictures_can_be_chosen(desktop_page: Page) -> None:
    page = desktop_page
    await open_whole(page, "/products/PENS-010", "Crossing Pocket Pen")
    await expect(page.locator(".product-price")).to_have_text("Now €21.75 usually €29.0025 % off this month")

    closely = page.get_by_role("button", name="Show: Crossing Pocket Pen, seen closely")
    await closely.click()

    await expect(closely).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_role("img", name="Crossing Pocket Pen, seen closely")).to_be_visible()


async def test_an_article_that_is_sold_out_cannot_be_put_in(desktop_page: Page, shop: RunningShop) -> None:
    page = desktop_page
    product = await product_of(shop)
    await page.add_init_script(HELD_STREAM)
    await page.goto(f"/products/{PEN}")

    await page.evaluate("(frame) => window.send(frame)", {"view": product | {"available": 0}})

    await expect(page.locator(".stock")).to_have_text("Sold out")
    await expect(page.get_by_role("button", name="Add to basket")).to_be_disabled()
