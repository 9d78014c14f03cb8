"""Every screen of the web client: one call to its BFF, accessible, quiet, and steady, by day and by night."""

import os
import re
from collections.abc import Callable
from typing import Final

from playwright.async_api import Page

from tests.browser.conftest import OpenContext
from tests.support.chromium import SCHEMES, Visit
from tests.support.web_client import (
    PEN,
    PEN_NAME,
    SHIFTS,
    enter,
    has,
    open_whole,
    order,
)

Visits = Callable[[Page], Visit]

MAX_SHIFT = 0.1
"""Cumulative layout shift that counts as good."""

PICTURED: Final = {360: "phone", 1440: "desktop"}
"""The widths of the window, in pixels, at which screens are pictured."""

WIDTHS: Final = (1920, 768, 360, 1440)
"""Nothing is wider than these. The last is the one of the next screen."""


async def shifts(page: Page, name: str) -> list[str]:
    """A fault when what is shown has moved too much."""
    shift = await page.evaluate("window.layoutShift")
    return [f"{name}: a layout shift of {shift}"] if shift > MAX_SHIFT else []


async def test_every_screen_is_one_call_accessible_and_steady(
    open_context: OpenContext, visit: Visits, customer: str, axe: str
) -> None:
    context = await open_context(viewport={"width": 1440, "height": 900})
    await context.add_init_script(SHIFTS)
    page = await context.new_page()
    seen = visit(page)
    await enter(page, customer)
    ordered = await order(page)
    await page.locator(".story-step.is-past").filter(has_text="Delivered").wait_for()
    await has(page, PEN, 2)
    screens: dict[str, tuple[str, str | re.Pattern[str], str]] = {
        "home": ("/", "For those who write, print and bind", "GET /web/home"),
        "search": ("/search?q=ink", "“ink”", "GET /web/search"),
        "product": (f"/products/{PEN}", PEN_NAME, f"GET /web/products/{PEN}"),
        "basket": ("/basket", "Your basket", "GET /web/basket"),
        "checkout": ("/checkout", "Checkout", "POST /web/checkout/draft"),
        "orders": ("/orders", "Your orders", "GET /web/graphql"),
        "order": (ordered, re.compile("^Order of"), f"GET /web{ordered}"),
        "nothing-found": ("/search?q=zeppelin", "“zeppelin”", "GET /web/search"),
    }
    pictures = os.environ.get("BROWSER_PICTURES")
    faults: list[str] = []
    for name, (path, heading, call) in screens.items():
        seen.calls.clear()
        loads = await open_whole(page, path, heading)
        await page.wait_for_load_state("networkidle")
        if seen.calls != [call] * loads:
            faults.append(f"{name}: {seen.calls} instead of {call}")
        faults += await shifts(page, name)
        for scheme, rules in SCHEMES.items():
            await page.emulate_media(color_scheme=scheme)
            for width, device in PICTURED.items() if pictures else ():
                await page.set_viewport_size({"width": width, "height": 900})
                await page.screenshot(path=f"{pictures}/web-{name}-{device}-{scheme}.png")
            faults += [f"{name}, {scheme}: {fault}" for fault in await seen.axe(axe, *rules)]
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            if (wide := await page.evaluate("document.documentElement.scrollWidth")) > width:
                faults.append(f"{name}: {wide} pixels wide at {width}")

    assert faults == []
    assert seen.errors == []


async def test_the_small_screen_and_its_failures_are_accessible_too(
    open_context: OpenContext, visit: Visits, axe: str
) -> None:
    context = await open_context(viewport={"width": 360, "height": 780})
    await context.add_init_script(SHIFTS)
    page = await context.new_page()
    seen = visit(page)
    faults: list[str] = []
    for path, heading in {
        f"/products/{PEN}": PEN_NAME,
        "/orders": "Please log in",
        "/nowhere": "There is nothing here",
    }.items():
        await open_whole(page, path, heading)
        faults += [f"{path}: {fault}" for fault in await seen.axe(axe)]
        faults += await shifts(page, path)
    await page.goto("/search?type=pens")
    await page.get_by_text("Narrow down").click()
    faults += [f"facets: {fault}" for fault in await seen.axe(axe)]

    assert faults == []
