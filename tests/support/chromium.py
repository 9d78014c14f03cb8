"""Chromium as the browser tests start it, and what they see of a page."""

import os
import re
import shutil
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Page, Request

from shop.demo import PASSWORD

FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""They keep Chromium from calling anybody but the shop, and let it run where there is no sandbox."""

TRANSITIONS_ENDED: Final = """
Promise.all(document.getAnimations()
    .filter((animation) => animation.effect.getComputedTiming().endTime !== Infinity)
    .map((animation) => animation.finished.catch(() => undefined)))
"""
"""Waits for the colours and places that elements are on their way to."""

SCHEMES: Final[dict[Literal["light", "dark"], tuple[str, ...]]] = {"light": (), "dark": ("color-contrast",)}
"""The colour schemes, and the rules of axe-core that are checked in each: none for all."""

BFF_PATH: Final = re.compile(r"^/(web|mobile)/(?!session/)")


NAMES: Final = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first, which has no windows to draw, takes two thirds of the time of the others."""


def executable() -> str | None:
    """The path of Chromium: `CHROMIUM`, Debian's, or the newest that `playwright install` brought."""
    if named := os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None):
        return named
    installed = Path.home().glob(".cache/ms-playwright/chromium-*/chrome-linux*/chrome")
    return next((str(path) for path in sorted(installed, reverse=True)), None)


async def log_in(page: Page, user: str, password: str = PASSWORD) -> None:
    """Fill in the login page that the page shows or is about to show, and send it."""
    await page.get_by_label("User name").fill(user)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()


class Visit:
    """What happens on a page from now on.

    Args:
        page: the page that is watched.
    """

    def __init__(self, page: Page) -> None:
        self.calls: list[str] = []
        """The calls of BFFs, as `GET /web/home`."""
        self.errors: list[str] = []
        """Console errors, uncaught exceptions, and violations of the Content-Security-Policy among them."""
        self._page = page
        page.on("request", self._on_request)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def axe(self, script: str, *rules: str) -> list[str]:
        """What axe-core, whose source is `script`, finds on the page as it is: a line each.

        Args:
            script: the source of axe-core.
            rules: those that are checked, or none for all.
        """
        if not await self._page.evaluate("'axe' in window"):
            await self._page.evaluate(script)  # the debugger's scripts are exempt from the CSP
        await self._page.evaluate(TRANSITIONS_ENDED)
        options = {"resultTypes": ["violations"], "selectors": False} | ({"runOnly": rules} if rules else {})
        run = "(options) => axe.run(document, options)"
        result: dict[str, Any] = await self._page.evaluate(run, options)
        return [
            f"{violation['id']}: {node['failureSummary']}: {node['html'][:200]}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]

    def _on_request(self, request: Request) -> None:
        path = urlsplit(request.url).path
        if BFF_PATH.match(path):
            self.calls.append(f"{request.method} {path}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)
