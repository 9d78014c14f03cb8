"""The mobile app as an app: installed, its tokens in memory alone, updated, with a catalogue of its own."""

import asyncio
import json
import re
from typing import Any

import httpx
from playwright.async_api import Page, Response, Route, expect

from tests.support.chromium import log_in
from tests.support.mobile_app import App
from tests.support.next_release import NEXT, proxy_of
from tests.support.shop import RunningShop

STORED = """async () => {
  const found = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie];
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((resolve) => {
      indexedDB.open(name).onsuccess = ({ target }) => resolve(target.result);
    });
    for (const store of database.objectStoreNames) {
      const read = database.transaction(store).objectStore(store).getAll();
      await new Promise((resolve) => { read.onsuccess = resolve; });
      found.push(JSON.stringify(read.result));
    }
    database.close();
  }
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      found.push(request.url, await (await cache.match(request)).text());
    }
  }
  return found.join("\\n");
}"""
"""All that the page can store, as one text."""


async def test_it_can_be_installed(phone_page: Page, shop: RunningShop) -> None:
    app = App(phone_page)
    await app.open()
    await app.installed()
    async with httpx.AsyncClient(base_url=shop.url) as client:
        manifest = (await client.get("/m/manifest.webmanifest")).raise_for_status()
        icons = {
            f"{icon['sizes']} {icon['purpose']}": await client.get(f"/m/{icon['src']}")
            for icon in manifest.json()["icons"]
        }
    session = await phone_page.context.new_cdp_session(phone_page)

    assert manifest.headers["content-type"].startswith("application/manifest+json")
    assert set(icons) == {"192x192 any", "512x512 any", "512x512 maskable"}
    for size, icon in icons.items():
        assert icon.content.startswith(b"\x89PNG"), size
        width, height = (int.from_bytes(icon.content[at : at + 4]) for at in (16, 20))
        assert size.startswith(f"{width}x{height}")
    errors = (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"]
    assert {error["errorId"] for error in errors} <= {"in-incognito"}  # as all tests are


async def test_tokens_are_rotated_bound_to_the_phone_s_key_and_nowhere_but_in_memory(
    phone_page: Page, customer: str, shop: RunningShop
) -> None:
    page, app, context = phone_page, App(phone_page), phone_page.context
    issued: list[dict[str, Any]] = []
    statuses: list[int] = []
    schemes: list[str] = []

    async def see(response: Response) -> None:
        if response.url.endswith("/identity/token"):
            statuses.append(response.status)
            if response.ok:
                issued.append(await response.json())
        elif authorization := await response.request.header_value("authorization"):
            schemes.append(f"{response.status} {authorization.partition(' ')[0]}")

    page.on("response", see)
    await context.clock.install()
    await app.log_in(customer)
    await app.tab("Orders")
    await context.clock.fast_forward("04:50")
    async with page.expect_response(lambda each: each.url.endswith("/identity/token") and each.ok):
        await app.tab("Basket")
    await app.shown()
    await app.installed()
    stored = await page.evaluate(STORED)

    first, second = issued
    assert statuses == [200, 400, 200]  # by then the phone's clock is minutes ahead
    assert set(schemes) == {"200 DPoP"}
    async with httpx.AsyncClient(base_url=shop.url) as thief:
        for scheme in ("Bearer", "DPoP"):
            stolen = {"Authorization": f"{scheme} {second['access_token']}"}
            assert (await thief.get("/mobile/basket", headers=stolen)).status_code == 401
    assert first["refresh_token"] != second["refresh_token"]
    assert customer in stored
    for tokens in issued:
        for name in ("access_token", "refresh_token", "id_token"):
            secret = tokens[name]
            assert secret not in stored, name
            assert secret.rpartition(".")[2] not in stored, name


async def test_a_reload_keeps_the_login_and_a_log_out_ends_it_and_what_is_stored_of_it(
    phone_page: Page, customer: str
) -> None:
    page, app = phone_page, App(phone_page)
    await app.open("/m/orders")
    async with page.expect_response("**/mobile/home*"):
        await app.tab("Home")  # nobody has logged in: nobody asks the issuer
    await app.log_in(customer)
    await app.open("/m/orders")
    await expect(page.get_by_role("heading", name="No orders yet")).to_be_visible()

    await app.tab("You")
    async with (
        page.expect_response("**/identity/revoke") as revoked,
        page.expect_response("**/identity/logout") as ended,
    ):
        await page.get_by_role("button", name="Log out").tap()
    await expect(page.get_by_role("heading", name="From the workshop")).to_be_visible()

    assert ((await revoked.value).status, (await ended.value).status) == (200, 200)
    assert customer not in await page.evaluate(STORED)
    await app.tab("Orders")
    await page.get_by_role("button", name="Log in").tap()
    await expect(page.get_by_label("Password")).to_be_visible()  # the issuer's login has ended, too


async def test_a_login_that_fails_when_the_customer_has_gone_to_another_screen_says_so_there(
    phone_page: Page, customer: str
) -> None:
    page, app, released = phone_page, App(phone_page), asyncio.Event()

    async def fail_late(route: Route) -> None:
        await released.wait()
        await route.abort()

    await page.route("**/identity/token", fail_late)
    await app.open("/m/account")
    await page.get_by_role("button", name="Log in").tap()
    await log_in(page, customer)
    await expect(page.get_by_role("heading", name="Logging in …")).to_be_visible()
    await app.tab("Home")
    await page.evaluate("scrollTo(0, 200)")
    async with page.expect_response(re.compile("/mobile/")):
        released.set()
    await app.shown()

    await expect(page.locator(".toast")).to_contain_text("The login did not work")
    assert await page.evaluate("scrollY") == 200


async def test_what_is_stored_of_one_customer_is_shown_to_no_other(phone_page: Page, customer: str) -> None:
    page, app = phone_page, App(phone_page)
    await app.log_in(customer)
    await app.add("PENS-009")
    await app.sent()
    await app.open("/m/basket")
    name = await page.locator(".line-name").inner_text()
    await page.context.clear_cookies()  # the login has ended, and somebody else takes the phone

    await app.open("/m/basket")
    await page.get_by_role("button", name="Log in").tap()
    await log_in(page, "reader")
    await expect(page.get_by_role("heading", name="Basket", exact=True)).to_be_visible()
    await app.shown()

    await expect(page.locator(".line-name").filter(has_text=name)).to_have_count(0)
    assert customer not in await page.evaluate(STORED)


async def test_a_version_that_is_too_old_shows_only_how_to_update(phone_page: Page) -> None:
    page, app = phone_page, App(phone_page)
    problem = {"type": "urn:frontispiece:problem:client-too-old", "title": "Client too old", "status": 426}

    async def refuse(route: Route) -> None:
        await route.fulfill(status=426, content_type="application/problem+json", body=json.dumps(problem))

    await page.context.route("**/mobile/home*", refuse)
    await page.goto("/m/")
    update = page.get_by_role("dialog", name="A new version is needed")
    await expect(update).to_be_visible()
    await expect(page.locator("#tabs")).to_have_attribute("inert", "")
    await page.context.unroute("**/mobile/home*")
    await update.get_by_role("button", name="Update").tap()

    await expect(page.get_by_role("heading", name="From the workshop")).to_be_visible()
    await expect(update).to_be_hidden()
    await app.shown()


async def test_the_catalogue_of_the_phone_is_searched_without_a_network(phone_page: Page) -> None:
    page, app = phone_page, App(phone_page)
    first = _changes(
        "one", [_card("A", "Old Quill"), _card("B", "Plain Quill"), _card("C", "Ink")], more=True
    )
    second = _changes("two", [_card("B", "Gilded Quill")], deleted=["A"])

    async def sync(route: Route) -> None:
        await route.fulfill(json=second if "cursor=one" in route.request.url else first)

    await page.context.route(re.compile(r"/mobile/sync\?"), sync)
    async with page.expect_response("**/mobile/sync?cursor=one*"):
        await app.open()
    await app.installed()
    await page.context.set_offline(True)
    await app.open("/m/search?q=quill")

    await expect(page.locator(".card-name")).to_have_text(["Gilded Quill"])
    await page.locator(".card-link").tap()
    await expect(page.get_by_role("heading", name="Gilded Quill")).to_be_visible()


async def test_a_new_release_is_offered_and_taken_as_a_whole(phone_page: Page, shop: RunningShop) -> None:
    page, app = phone_page, App(phone_page)
    entry = "document.querySelector('script[type=module]').src"
    with proxy_of(shop.url) as (proxy, url):
        await app.open(f"{url}/m/")
        await app.installed()
        proxy.is_next = True
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        reload = page.locator("#notices").get_by_role("button", name="Reload")
        await expect(reload).to_be_visible(timeout=60_000)
        assert proxy.present in await page.evaluate(entry)

        async with page.expect_event("load"):
            await reload.tap()
        await app.shown()

        assert NEXT in await page.evaluate(entry)
        loaded = await page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
        assert not [name for name in loaded if proxy.present in name]
        assert [name for name in await page.evaluate("caches.keys()") if "shell" in name] == [f"shell-{NEXT}"]


def _card(sku: str, name: str) -> dict[str, Any]:
    return {"sku": sku, "name": name, "price": "€1.00", "amount": {"amount": 100, "currency": "EUR"}}


def _changes(cursor: str, upserts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    products = {"upserts": upserts, "deleted": more.get("deleted", [])}
    return {"cursor": cursor, "products": products, "more": more.get("more", False)}
