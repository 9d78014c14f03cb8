"""A client in a folder, and a gateway that serves it."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.tables import Json, route, route_table
from tests.support.world import OpenWorld, World

INDEX = """<!doctype html>
<html lang="en">
  <head>
    <title>Things &amp; more</title>
    <link rel="icon" href="favicon.svg">
    <link rel="manifest" href="app.webmanifest">
    <link rel="stylesheet" href="../shared/tokens.css">
    <script type="module" src="main.js"></script>
  </head>
  <body><a href="other">A link</a><img src="https://elsewhere.example/a.png" alt=""></body>
</html>
"""

MAIN = """
/** @import { Thing } from "./types-only.js" */
import { h } from "../shared/dom.js";
import {
  home,
} from "./pages/home.js";
export const later = () => import("./pages/later.js");
document.body.append(h("p"), home);
"""

CLIENT: Mapping[str, str | bytes] = {
    "web/index.html": INDEX,
    "web/main.js": MAIN + "// of some length, so that it can be compressed\n" * 20,
    "web/pages/home.js": 'export { h as home } from "../../shared/dom.js";\n',
    "web/pages/later.js": "export {};\n",
    "web/favicon.svg": "<svg/>",
    "web/app.webmanifest": "{}",
    "web/.env": "secret",
    "shared/tokens.css": ":root { --ink: #222 }\n" * 40,
    "shared/dom.js": "export const h = (tag) => document.createElement(tag);\n",
    "shared/picture.png": bytes(range(256)) * 8,
    "shared/data.unheard-of": "?",
    "node_modules/tool/index.js": "no part of the client",
}

PAGES = ["/", "/search", "/things/{id}"]

OpenClient = Callable[..., Awaitable[World]]


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """The folder with these files in it."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def files_route(folder: Path, path: str = "/{file:path}", *, keys: Json = None, **more: Any) -> Json:
    """A route that serves the client in this folder; `keys` are others of its `files`."""
    usual = {"folder": str(folder), "include": ["web", "shared"], "index": "web/index.html", "pages": PAGES}
    return route(path, **{"to": None, "files": usual | (keys or {}), **more})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder with the client `CLIENT`."""
    return write(tmp_path / "clients", CLIENT)


@pytest.fixture
async def client(open_world: OpenWorld, folder: Path) -> OpenClient:
    """`world = await client(*other_routes, **sections)`: the gateway with the client at `/`."""

    async def open_client(*others: Json, keys: Json = None, more: Json = None, **sections: Any) -> World:
        of_files = files_route(folder, keys=keys, **(more or {}))
        text = route_table(of_files, *others, services={"things": {}}, **sections)
        return await open_world(text, reloads=True)

    return open_client
