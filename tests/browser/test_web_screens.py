"""Every screen of the web client: one call to its BFF, accessible, quiet, and steady, by day and by night."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.browser.conftest import OpenContext
from tests.support.chromium import Visit
from tests.support.web_client import PEN, PEN_NAME, SHIFTS, enter, order, picture_folder, put, sees

Visits = Callable[[Page], Visit]

MAX_SHIFT = 0.1
"""Cumulative layout shift that counts as good."""

WIDTHS = (1920, 768, 360, 1440)
"""Of the window, in pixels: nothing is wider. The last is the one of the next screen."""

PICTURED = {360: "phone", 1440: "desktop"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_screen_is_one_call_accessible_and_steady(
    open_context: OpenContext, visit: Visits, customer: str, axe: str, scheme: str, tmp_path: Path
) -> None:
    context = await open_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme)
    await context.add_init_script(SHIFTS)
    page = await context.new_page()
    seen = visit(page)
    await enter(page, customer)
    ordered = await order(page)
    await page.locator(".story-step.is-past").filter(has_text="Delivered").wait_for()
    await put(page, PEN, 2)
    pictures = picture_folder(tmp_path)
    screens: dict[str, tuple[str, str | re.Pattern[str], str]] = {
        "home": ("/", "For those who write, print and bind", "GET /web/home"),
        "search": ("/search?q=ink", "“ink”", "GET /web/search"),
        "product": (f"/products/{PEN}", PEN_NAME, f"GET /web/products/{PEN}"),
        "basket": ("/basket", "Your basket", "GET /web/basket"),
        "checkout": ("/checkout", "Checkout", "POST /web/checkout/draft"),
        "orders": ("/orders", "Your orders", "GET /web/orders"),
        "order": (ordered, re.compile("^Order of"), f"GET /web{ordered}"),
        "nothing-found": ("/search?q=zeppelin", "“zeppelin”", "GET /web/search"),
    }
    faults: list[str] = []
    for name, (path, heading, call) in screens.items():
        seen.calls.clear()
        await page.goto(path)
        await sees(page, heading)
        await page.wait_for_load_state("networkidle")
        if seen.calls != [call]:
            faults.append(f"{name}: {seen.calls} instead of {call}")
        faults += [f"{name}: {fault}" for fault in await seen.axe(axe)]
        shift = await page.evaluate("window.layoutShift")
        if shift > MAX_SHIFT:
            faults.append(f"{name}: a layout shift of {shift}")
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900})
            if (wide := await page.evaluate("document.documentElement.scrollWidth")) > width:
                faults.append(f"{name}: {wide} pixels wide at {width}")
            if device := PICTURED.get(width):
                await page.screenshot(path=pictures / f"web-{name}-{device}-{scheme}.png", full_page=True)

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
        "/": "For those who write, print and bind",
        f"/products/{PEN}": PEN_NAME,
        "/search?type=pens": "Pens",
        "/basket": "Your basket",
        "/orders": "Please log in",
        "/nowhere": "There is nothing here",
    }.items():
        await page.goto(path)
        await sees(page, heading)
        faults += [f"{path}: {fault}" for fault in await seen.axe(axe)]
        shift = await page.evaluate("window.layoutShift")
        if shift > MAX_SHIFT:
            faults.append(f"{path}: a layout shift of {shift}")
    await page.goto("/search?type=pens")
    await page.get_by_text("Narrow down").click()
    faults += [f"facets: {fault}" for fault in await seen.axe(axe)]

    assert faults == []
