"""The pages of a client: one HTML at each of their paths, which loads hashed and verified files."""

import base64
import hashlib
import re
from pathlib import Path

import httpx
import pytest

from frontispiece.gateway.files.config import CONTENT_SECURITY_POLICY
from tests.frontispiece.gateway.files.conftest import CLIENT, OpenClient, files_route, write
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def references(html: str) -> dict[str, str]:
    """The integrity of each file that a page refers to, by its URL; empty where there is none."""
    tags = re.findall(r"<(?:script|link)[^>]*>", html)
    found = {}
    for tag in tags:
        (url,) = re.findall(r'(?:src|href)="([^"]*)"', tag)
        found[url] = "".join(re.findall(r'integrity="([^"]*)"', tag))
    return found


@pytest.mark.parametrize("path", ["/", "/search", "/search?q=pen", "/things/7", "/things/a%20b"])
async def test_every_page_is_the_same_html_to_be_revalidated(client: OpenClient, path: str) -> None:
    world = await client()

    page = await world.http.get(path, headers=HTML)
    home = await world.http.get("/")

    assert page.status_code == 200
    assert page.text == home.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"


async def test_what_a_page_loads_is_there_for_ever_and_has_the_integrity_that_the_page_names(
    client: OpenClient,
) -> None:
    world = await client()
    html = (await world.http.get("/")).text

    loaded = references(html)
    for url, integrity in loaded.items():
        file = await world.http.get(url)
        assert file.status_code == 200, url
        if url.startswith("/assets/"):
            assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        if integrity:
            digest = hashlib.sha384(file.content).digest()
            assert integrity == f"sha384-{base64.b64encode(digest).decode()}"
    names = {url.rpartition("/")[2]: bool(integrity) for url, integrity in loaded.items()}
    assert names == {
        "favicon.svg": False,  # browsers verify scripts and style sheets
        "app.webmanifest": False,
        "tokens.css": True,
        "main.js": True,
        "dom.js": True,
        "home.js": True,
    }


async def test_the_modules_that_the_entry_needs_are_preloaded_before_it(client: OpenClient) -> None:
    html = (await (await client()).http.get("/")).text

    preloaded = re.findall(r'<link rel="modulepreload" href="/assets/\w+/([^"]*)"', html)
    assert preloaded == ["shared/dom.js", "web/pages/home.js"]
    assert html.index("modulepreload") < html.index("<script")


async def test_what_the_page_preloads_itself_is_verified_where_browsers_do_that(
    client: OpenClient, folder: Path
) -> None:
    links = [
        '<link rel="preload" as="style" href="../shared/tokens.css">',
        '<link rel="preload" as="image" href="../shared/picture.png">',
        '<link rel="modulepreload" href="pages/later.js">',
    ]
    write(folder, {"web/index.html": f'{"".join(links)}<script src="main.js" type=module></script>'})
    loaded = references((await (await client()).http.get("/")).text)

    verified = {url.rpartition("/")[2] for url, integrity in loaded.items() if integrity}
    assert verified == {"tokens.css", "later.js", "main.js", "dom.js", "home.js"}
    assert len(loaded) == 6


async def test_relative_imports_between_modules_lead_to_the_same_release(client: OpenClient) -> None:
    world = await client()
    html = (await world.http.get("/")).text
    (entry,) = re.findall(r'src="(/assets/[^"]*)"', html)

    imported = httpx.URL(entry).join("../shared/dom.js").path

    assert imported in references(html)
    assert (await world.http.get(imported)).text == CLIENT["shared/dom.js"]


async def test_the_rest_of_the_html_stays_as_it_is(client: OpenClient) -> None:
    html = (await (await client()).http.get("/")).text

    for part in (
        "<!doctype html>\n",
        "<title>Things &amp; more</title>",
        '<a href="other">A link</a><img src="https://elsewhere.example/a.png" alt="">',
        '<link rel="manifest" href="/app.webmanifest">',
    ):
        assert part in html


async def test_a_path_that_is_no_page_is_not_found_in_html_or_as_a_problem(client: OpenClient) -> None:
    world = await client()

    page = await world.http.get("/nothing", headers=HTML)
    problem = await world.http.get("/nothing")

    assert (page.status_code, page.text) == (404, (await world.http.get("/")).text)
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "etag" not in page.headers
    assert (problem.status_code, problem.json()["type"]) == (404, "urn:frontispiece:problem:no-route")
    for response in (page, problem):
        assert response.headers.get_list("cache-control") == ["no-store"]
        assert "Accept" in [v.strip() for v in response.headers["vary"].split(",")]


async def test_what_a_browser_has_of_a_page_makes_no_other_path_one(client: OpenClient) -> None:
    world = await client()
    tag = (await world.http.get("/", headers=HTML)).headers["etag"]

    again = await world.http.get("/nothing", headers=HTML | {"If-None-Match": tag})

    assert again.status_code == 404
    assert "<!doctype html>" in again.text


async def test_pages_have_a_strict_policy_and_files_have_none(client: OpenClient) -> None:
    world = await client(security_headers={})

    page = await world.http.get("/search")
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in page.headers["permissions-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert "content-security-policy" not in (await world.http.get("/app.webmanifest")).headers


async def test_an_image_that_is_opened_as_a_page_runs_no_script(client: OpenClient) -> None:
    world = await client()
    none = await client(keys={"content_security_policy": False})

    policy = (await world.http.get("/favicon.svg")).headers["content-security-policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert "content-security-policy" not in (await none.http.get("/favicon.svg")).headers


async def test_html_is_read_as_browsers_read_it(client: OpenClient, folder: Path) -> None:
    text = '<title><img src="no.png"></title><textarea><link href="none.css"></textarea>'
    tags = '<script type="module" src="main.js#y" src="other.js"></script><img src="favicon.svg#icon">'
    write(folder, {"web/index.html": text + tags})

    html = (await (await client()).http.get("/")).text

    assert html.startswith(text)
    (script,) = re.findall(r"<script[^>]*>", html)
    assert re.findall(r'src="/assets/\w+/([^"]*)"', script) == ["web/main.js#y"]
    assert re.findall(r'<img src="/assets/\w+/([^"]*)">', html) == ["web/favicon.svg#icon"]


async def test_the_policies_of_pages_are_the_table_s_to_change(client: OpenClient) -> None:
    own = {"permissions_policy": "camera=(self)", "cross_origin_opener_policy": False}
    world = await client(
        keys={"content_security_policy": "script-src 'self'"},
        more={"security_headers": own},
        security_headers={"content_security_policy": "default-src 'none'"},
    )

    page = await world.http.get("/")
    assert page.headers["content-security-policy"] == "script-src 'self'"
    assert page.headers["permissions-policy"] == "camera=(self)"
    assert "cross-origin-opener-policy" not in page.headers
    none = await client(keys={"content_security_policy": False}, more={"security_headers": False})
    assert "content-security-policy" not in (await none.http.get("/")).headers
    assert "permissions-policy" not in (await none.http.get("/")).headers


async def test_other_routes_win_and_their_refusals_stay_what_they_are(client: OpenClient) -> None:
    world = await client(route("/search"), route("/api/imports", methods=["POST"]))

    assert "<!doctype" not in (await world.http.get("/search", headers=HTML)).text
    get = await world.http.get("/api/imports", headers=HTML)
    assert (get.status_code, get.headers["allow"]) == (405, "POST")
    for path in ("/api/imports", "/search"):
        delete = await world.http.delete(path)
        assert delete.status_code == 405
        assert "/assets" not in delete.text


@pytest.mark.parametrize("path", ["/api/nothing", "/things", "/assets/x/main.js"])
async def test_other_methods_where_nothing_is_are_not_found(client: OpenClient, path: str) -> None:
    world = await client()

    for method in ("POST", "PUT", "OPTIONS", "PROPFIND"):
        answer = await world.http.request(method, path)
        assert (answer.status_code, answer.json()["title"]) == (404, "No route"), method


async def test_two_clients_have_their_own_places(open_world: OpenWorld, folder: Path) -> None:
    phone = {"include": ["mobile", "shared"], "index": "mobile/index.html", "pages": ["/m/", "/m/basket"]}
    write(folder, {"mobile/index.html": '<p>phone<script type="module" src="main.js"></script>'})
    write(folder, {"mobile/main.js": "", "mobile/sw.js": "// works"})
    text = route_table(
        files_route(folder), files_route(folder, "/m/{file:path}", keys=phone), services={"things": {}}
    )
    http = (await open_world(text)).http

    assert "phone" in (await http.get("/m/basket")).text
    assert "phone" not in (await http.get("/basket", headers=HTML)).text
    assert 'src="/m/assets/' in (await http.get("/m/")).text
    assert (await http.get("/m/sw.js")).text == "// works"
    assert "phone" in (await http.get("/m/nothing", headers=HTML)).text
    without_slash = await http.get("/m?x=1")
    assert (without_slash.status_code, without_slash.headers["location"]) == (308, "/m/?x=1")


async def test_the_short_form_serves_a_folder_with_one_page(open_world: OpenWorld, tmp_path: Path) -> None:
    write(tmp_path, {"index.html": '<link rel="stylesheet" href="a.css">', "a.css": "p {}"})
    short = route("/docs/{file:path}", to=None, files=str(tmp_path))
    http = (await open_world(route_table(short, services={"things": {}}))).http

    page = await http.get("/docs/")
    (style,) = references(page.text)
    assert style.startswith("/docs/assets/")
    assert (await http.get(style)).text == "p {}"
    assert (await http.get("/docs/a.css")).text == "p {}"
