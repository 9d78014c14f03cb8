"""Limits of login attempts: by name and network, by network, by device."""

import asyncio
import threading
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from frontispiece.security import ANONYMOUS, Signer
from services.identity.accounts.passwords import MAX_RUNNING, MAX_WAITING
from services.identity.accounts.throttle import network_of
from tests.services.identity.browser import Browser, page
from tests.services.identity.conftest import on_both_databases
from tests.services.identity.world import World, parameters_of
from tests.support.waiting import TIMEOUT

THIEF = "198.51.100.7"


async def fail(shop: World, browser: Browser, times: int, name: str = "shopper") -> list[int]:
    """Try wrong passwords; the statuses of the responses."""
    return [(await shop.log_in(browser, name=name, password="wrong")).status_code for _ in range(times)]


@on_both_databases
async def test_after_five_failures_a_place_is_refused_even_with_the_right_password(shop: World) -> None:
    thief = shop.browser(THIEF)
    assert await fail(shop, thief, 6) == [400] * 5 + [429]

    refused = await shop.log_in(thief)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 901
    assert page(refused).alerts
    shop.clock.now += 901
    assert "code" in parameters_of(await shop.log_in(thief))


async def test_failures_from_one_network_lock_no_other_out(shop: World) -> None:
    await fail(shop, shop.browser(THIEF), 6)

    assert "code" in parameters_of(await shop.log_in(shop.browser("203.0.113.9")))
    assert "code" in parameters_of(await shop.log_in(shop.browser(THIEF), name="reader"))


async def test_a_browser_known_to_the_user_is_not_locked_out_by_its_own_network(shop: World) -> None:
    mine, thief = shop.browser(THIEF), shop.browser(THIEF)
    await shop.log_in(mine)
    await fail(shop, thief, 6)
    for name in range(45):
        await fail(shop, thief, 1, name=f"user-{name}")
    assert await fail(shop, thief, 1, name="somebody") == [429]

    assert "code" in parameters_of(await shop.log_in(mine, prompt="login"))


async def test_a_known_browser_has_no_more_tries_than_others_and_only_for_its_user(shop: World) -> None:
    mine = shop.browser(THIEF)
    await shop.log_in(mine)
    mine.cookies.pop("__Host-Http-identity")

    assert await fail(shop, mine, 6) == [400] * 5 + [429]
    assert await fail(shop, mine, 6, name="reader") == [400] * 5 + [429]
    assert "code" in parameters_of(await shop.log_in(shop.browser(THIEF)))  # without the cookie, by the place


async def test_a_device_cookie_cannot_be_made_or_changed(shop: World) -> None:
    thief = shop.browser(THIEF)
    await shop.log_in(thief, name="reader")
    theirs = thief.cookies["__Host-Http-device"]
    thief.cookies.pop("__Host-Http-identity")
    for cookie in (theirs, theirs[:-2] + "00", "zz", "00" * 60):
        thief.cookies["__Host-Http-device"] = cookie
        await fail(shop, thief, 2)

    assert await fail(shop, thief, 1) == [429]


async def test_a_network_is_refused_after_fifty_failures_whatever_the_names(shop: World) -> None:
    thief = shop.browser(THIEF)
    statuses = [status for n in range(51) for status in await fail(shop, thief, 1, name=f"user-{n}")]

    assert statuses == [400] * 50 + [429]
    assert "code" in parameters_of(await shop.log_in(shop.browser("198.51.100.8")))


async def test_successful_logins_are_not_counted(shop: World) -> None:
    for _ in range(3):
        browser = shop.browser(THIEF)
        assert await fail(shop, browser, 4) == [400] * 4
        assert "code" in parameters_of(await shop.log_in(browser))


@on_both_databases
async def test_many_tries_at_once_are_no_more_than_one_after_another(shop: World) -> None:
    thief = shop.browser(THIEF)
    login = await thief.get("/authorize", params=shop.parameters())
    tries = (thief.submit(login, username="shopper", password=f"wrong {n}") for n in range(12))

    statuses = sorted([response.status_code for response in await asyncio.gather(*tries)])
    assert statuses == [400] * 5 + [429] * 7


async def test_an_unknown_user_costs_a_hash_as_well(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes: list[str] = []
    true = Argon2Hasher.verify

    def verify(self: Argon2Hasher, password: str, kept: str) -> bool:
        hashes.append(kept)
        return true(self, password, kept)

    monkeypatch.setattr(Argon2Hasher, "verify", verify)
    await fail(shop, shop.browser(), 1, name="shopper")
    await fail(shop, shop.browser(), 1, name="nobody")
    await fail(shop, shop.browser(), 1, name="no name at all!")

    known, *unknown = (kept.split("$")[1:4] for kept in hashes)
    assert unknown == [known, known]  # variant, version and cost


async def test_a_flood_of_logins_gets_503_and_costs_no_attempt(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, running, most = threading.Event(), 0, 0
    lock = threading.Lock()

    def verify(_self: Argon2Hasher, _password: str, _kept: str) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        go_on.wait()
        with lock:
            running -= 1
        return False

    monkeypatch.setattr(Argon2Hasher, "verify", verify)
    login = await (flooding := shop.browser(THIEF)).get("/authorize", params=shop.parameters())
    refused: list[str] = []

    async def tried(name: str) -> None:
        response = await flooding.submit(login, username=name, password="wrong")
        if response.status_code != 503:
            return
        assert response.headers["retry-after"]
        refused.append(name)
        if len(refused) == 8:
            assert (await shop.http.get("/jwks")).status_code == 200  # everything else goes on
            go_on.set()

    try:
        async with asyncio.timeout(TIMEOUT):
            await asyncio.gather(*(tried(f"user-{n}") for n in range(MAX_RUNNING + MAX_WAITING + 8)))
    finally:
        go_on.set()
    assert (len(refused), most) == (8, MAX_RUNNING)
    assert await fail(shop, flooding, 5, name=refused[0]) == [400] * 5


def test_addresses_of_one_site_are_one() -> None:
    expected = {
        "203.0.113.1": "203.0.113.1",
        "::ffff:203.0.113.1": "203.0.113.1",
        "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
        "2001:db8:1:2:ffff::1": "2001:db8:1:2::/64",
        "fe80::1%eth0": "fe80::/64",
        "": "",
        "unix:": "unix:",
    }
    assert {address: network_of(address) for address in expected} == expected


async def test_the_gateway_alone_is_believed_where_a_client_is(shop: World, signing_key: str) -> None:
    gateway = Signer(signing_key, "gateway")
    ours = gateway.authorization(ANONYMOUS, "identity").decode()
    foreign = gateway.authorization(ANONYMOUS, "basket").decode()

    async def tried(client: str, token: str | None) -> int:
        headers: dict[str, Any] = {"X-Forwarded-For": client}
        if token is not None:
            headers["X-Internal-Token"] = token
        browser = shop.browser("127.0.0.1")
        login = page(await browser.get("/authorize", params=shop.parameters())).forms[0].fields
        fields = {**login, "username": "shopper", "password": "wrong"}
        return (await browser.post("/login", fields, headers=headers)).status_code

    for number in range(5):
        assert await tried(f"192.0.2.{number}", None) == 400
    assert await tried("192.0.2.9", None) == 429
    assert await tried("192.0.2.9", foreign) == 429
    assert await tried("192.0.2.9", ours) == 400
    assert await tried("192.0.2.8", ours.removeprefix("Bearer ")) == 400
    assert [await tried("192.0.2.9", ours) for _ in range(5)] == [400] * 4 + [429]
