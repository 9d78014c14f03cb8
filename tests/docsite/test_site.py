"""The documentation as a site: built once, without a dead link, and fit to be read from a disk."""

from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.async_api import async_playwright

from docsite.__main__ import build
from docsite.links import find_faults
from docsite.navigation import navigation
from docsite.pages import ROOT, Pages
from docsite.reference import variables
from tests.support.chromium import FLAGS, Visit, executable

SCHEMES: Final[dict[str, Literal["light", "dark"]]] = {"index.html": "light", "reference/routes.html": "dark"}
AXE = ROOT / "clients" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("site"))


def test_the_site_has_the_pages_of_the_repository_and_a_reference(site: Path) -> None:
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    settings = (site / "reference" / "settings.html").read_text()

    assert {"index.html", "tutorial.html", "shop.html", "contributing.html", "edge/cache.html"} <= pages
    assert [variable.name for variable in variables() if f'id="{variable.name}"' not in settings] == []
    assert 'id="frontispiece.pages.Page.source"' in (site / "reference" / "python" / "pages.html").read_text()


@pytest.mark.skipif(not (executable() and AXE.exists()), reason="needs Chromium and axe-core")
async def test_pages_are_accessible_draw_and_search_without_a_server(site: Path) -> None:
    violations, errors = [], []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=executable(), args=list(FLAGS))
        for name, scheme in SCHEMES.items():
            page = await chromium.new_page(color_scheme=scheme)
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.goto((site / name).as_uri())
            violations += await Visit(page).axe(AXE.read_text())
        await page.goto((site / "architecture.html").as_uri())
        await page.locator("div.mermaid").first.wait_for(timeout=60_000)
        await page.get_by_role("button", name="Search").first.click()
        await page.keyboard.type("breaker")
        await page.get_by_role("option", name="services.NAME.breaker").wait_for(timeout=60_000)
        await chromium.close()

    assert [each for each in violations if not each.startswith("landmark-unique")] == []  # that of the theme
    assert errors == []


def test_a_page_that_the_navigation_does_not_name_is_a_how_to_page() -> None:
    guides = next(section for section in navigation(["new.md"]) if "How-to guides" in section)

    assert "new.md" in guides["How-to guides"]


def test_dead_links_dead_anchors_and_foreign_files_are_faults(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="here"></h1><a href="#here"></a><a href="b.html#gone"></a><a href="c.html"></a>'
        '<script src="https://cdn.example/x.js"></script><a href="https://other.example/"></a>'
    )
    (tmp_path / "b.html").write_text('<a href="a.html#here"></a>')

    assert find_faults(tmp_path) == [
        "a.html loads https://cdn.example/x.js",
        "a.html: b.html#gone names no anchor",
        "a.html: c.html leads nowhere",
    ]


def test_links_lead_to_pages_with_the_source_and_dead_ones_are_named(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("[code](../b.py) [gone](gone.md) `[no](link.md)`")
    (tmp_path / "b.py").write_text("x = 1\n")

    pages = Pages({}, ["docs/a.md", "b.py"], tmp_path)

    assert pages.contents["a.md"] == b"[code](source/b.py.md) [gone](gone.md) `[no](link.md)`"
    assert b"x = 1" in pages.contents["source/b.py.md"]
    assert pages.dead == ["docs/a.md: gone.md"]
