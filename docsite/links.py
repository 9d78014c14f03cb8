"""The links of a built site: those that lead nowhere, and what pages load from elsewhere."""

import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

LOADED: Final = {("script", "src"), ("img", "src"), ("iframe", "src"), ("link", "href")}


class _Page(HTMLParser):
    """The anchors, the links and the loaded files of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (tag, name) == ("a", "name"):
                self.anchors.add(value)
            elif (tag, name) in LOADED:
                self.loaded.add(value)
            elif (tag, name) == ("a", "href"):
                self.links.add(value)


def find_faults(site: Path) -> list[str]:
    """Every dead link of the site's pages, and every file that they load from elsewhere."""
    files = {path.relative_to(site).as_posix(): path for path in sorted(site.rglob("*")) if path.is_file()}
    pages = {
        name: _Page(path.read_text(encoding="utf-8"))
        for name, path in files.items()
        if path.suffix == ".html"
    }
    pages.pop("404.html", None)  # served at any path, so its links are absolute
    faults = []
    for name, page in pages.items():
        faults += [f"{name} loads {url}" for url in sorted(page.loaded) if re.match(r"(\w+:)?//", url)]
        for link in sorted(page.links | page.loaded):
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (
                posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(url.path)))
                if url.path
                else name
            )
            if target not in files:
                faults.append(f"{name}: {link} leads nowhere")
            elif url.fragment and target in pages and unquote(url.fragment) not in pages[target].anchors:
                faults.append(f"{name}: {link} names no anchor")
    return faults
