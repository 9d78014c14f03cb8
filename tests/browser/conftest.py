"""The shop in a real browser: one shop and one browser for all tests, and a context for each of them."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.support.chromium import FLAGS, Visit, executable
from tests.support.customers import add_customers
from tests.support.shop import RunningShop, running_shop

HERE: Final = Path(__file__).parent

DESKTOP: Final[dict[str, Any]] = {"viewport": {"width": 1440, "height": 900}}
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
}

OpenContext = Callable[..., Awaitable[BrowserContext]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here share one event loop, which is the browser's."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium; tests that need it are skipped where there is none."""
    path = executable()
    if path is None:
        pytest.skip("there is no Chromium: install Debian's package, or `playwright install chromium`")
    expect.set_options(timeout=60_000)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield chromium
        await chromium.close()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """The running shop, whose parcels are quick and whose traces are in its console."""
    folder = tmp_path_factory.mktemp("browser") / "shop"
    quick = {"SHIPPING_DISPATCH_DELAY": "1", "SHIPPING_DELIVERY_DELAY": "2"}
    with running_shop(folder, OTEL_SDK_DISABLED="", **quick) as running:
        yield running


@pytest.fixture(scope="session")
def names() -> Iterator[str]:
    """Names of customers, each used once."""
    return (f"visitor{number}" for number in count())


@pytest_asyncio.fixture(loop_scope="session")
async def customer(shop: RunningShop, names: Iterator[str]) -> str:
    """The name of a customer whom no other test has; the password is `shop.demo.PASSWORD`."""
    name = next(names)
    await add_customers(shop.data, [name])
    return name


@pytest_asyncio.fixture(loop_scope="session")
async def open_context(browser: Browser, shop: RunningShop) -> AsyncIterator[OpenContext]:
    """`await open_context(**PHONE)`: a browser profile of its own, with the shop as its base URL.

    Nothing is animated unless the options say so: frames take as long to draw as all else together.
    """
    async with AsyncExitStack() as stack:

        async def open_context(**options: Any) -> BrowserContext:
            options = {"base_url": shop.url, "reduced_motion": "reduce", **options}
            context = await browser.new_context(**options)
            context.set_default_timeout(60_000)
            stack.push_async_callback(context.close)
            return context

        yield open_context


@pytest_asyncio.fixture(loop_scope="session")
async def desktop_page(open_context: OpenContext) -> Page:
    """An empty page on a desktop."""
    return await (await open_context(**DESKTOP)).new_page()


@pytest_asyncio.fixture(loop_scope="session")
async def phone_page(open_context: OpenContext) -> Page:
    """An empty page on a phone."""
    return await (await open_context(**PHONE)).new_page()


@pytest.fixture
def visit() -> Callable[[Page], Visit]:
    """`seen = visit(page)`: what happens on a page from now on: calls, console errors, violations."""
    return Visit


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, where `npm ci` has been run in clients/; for `Visit.axe`."""
    script = HERE.parents[1] / "clients/node_modules/axe-core/axe.min.js"
    if not script.exists():
        pytest.skip("axe-core is not installed: `npm ci --prefix clients`")
    return script.read_text(encoding="utf-8")


def pytest_report_header() -> str:
    """Which browser the tests take."""
    return f"chromium: {executable() or shutil.which('chromium') or 'none'}"
