"""What is kept in Valkey tells nobody anything, and nobody can change it to their advantage."""

import tempfile
from pathlib import Path

import valkey.asyncio

from front.valkey import running_valkey
from kit.sealing import new_key
from tests.gateway.session.conftest import ORIGIN, SESSION, World, key_of, kind, log_in, until, user
from tests.support.browser import Browser

MINE = f"{ORIGIN}/web/mine"


async def dump(kept: valkey.asyncio.Valkey) -> bytes:
    """All that the server has, names and contents."""
    found = []
    for key in await kept.keys("*"):
        found.append(key)
        match await kept.type(key):
            case b"string":
                found.append(await kept.get(key))
            case b"zset":
                found += await kept.zrange(key, 0, -1)
            case other:
                raise AssertionError(f"{other!r} is looked at by nobody")
    return b"\n".join(found)


async def test_nothing_secret_is_kept_in_plain(
    world: World, browser: Browser, kept: valkey.asyncio.Valkey
) -> None:
    guest = world.browser(browser.addresses[ORIGIN])
    await guest.fetch(f"{ORIGIN}/web/shown", method="POST")
    await log_in(browser)
    grant, everything = world.issuer.grants[0], await dump(kept)

    assert str(browser.cookie(ORIGIN, SESSION)).encode() not in everything
    assert str(guest.cookie(ORIGIN, SESSION)).encode() not in everything
    for secret in (b"eyJ", b"refresh-", grant.sid.encode(), b"reader", b"guest", b"shop.example", b"scope"):
        assert secret not in everything
    assert key_of(browser).encode() in everything


async def test_everything_that_is_kept_ends_by_itself(
    world: World, browser: Browser, kept: valkey.asyncio.Valkey
) -> None:
    await browser.fetch(f"{ORIGIN}/web/shown", method="POST")
    await log_in(browser)
    await world.expire(browser)
    await browser.fetch(MINE)

    keys = await kept.keys("*")
    assert len(keys) >= 4
    assert all([0 < await kept.pttl(key) <= 12 * 3_600_000 for key in keys])


async def test_swapped_sessions_are_none(world: World, browser: Browser, kept: valkey.asyncio.Valkey) -> None:
    clerk = world.browser(browser.addresses[ORIGIN])
    await log_in(browser)
    world.issuer.user = "clerk"
    await log_in(clerk)
    theirs = await kept.get(key_of(clerk))
    await kept.set(key_of(browser), theirs, keepttl=True)

    assert kind(await browser.fetch(MINE)) == (401, "session-ended")
    assert (await user(clerk))["sub"] == "clerk"


async def test_a_session_that_was_changed_is_none(
    world: World, browser: Browser, kept: valkey.asyncio.Valkey
) -> None:
    await log_in(browser)
    key, value = key_of(browser), str(browser.cookie(ORIGIN, SESSION))
    true = bytes(await kept.get(key))
    begins = true[: true.index(b" ", true.index(b" ") + 1) + 1]
    for forged in (
        true[:-1] + bytes([true[-1] ^ 1]),
        true[:-20],
        begins,
        begins + b'{"subject":"clerk"}',
        b"",
        b"nonsense",
    ):
        await kept.set(key, forged)
        browser.plant(ORIGIN, SESSION, value)
        assert kind(await browser.fetch(MINE)) == (401, "session-ended"), forged
    await kept.set(key, true)
    browser.plant(ORIGIN, SESSION, value)
    assert (await user(browser))["sub"] == "reader"


async def test_a_session_lasts_no_longer_when_its_end_is_changed_outside_the_seal(
    world: World, browser: Browser, kept: valkey.asyncio.Valkey
) -> None:
    await log_in(browser)
    await world.change(browser, ends=0.0)
    _, _, sealed = bytes(await kept.get(key_of(browser))).split(b" ", 2)
    await kept.set(key_of(browser), b"1800000 99999999999999 " + sealed)

    assert kind(await browser.fetch(MINE)) == (401, "session-ended")


async def test_keys_are_changed_without_anybody_being_logged_out(world: World, browser: Browser) -> None:
    await log_in(browser)
    world.keys.insert(0, new_key())
    browser.addresses[ORIGIN] = await world.gateway()
    assert (await user(browser))["sub"] == "reader"

    await log_in(browser)
    world.keys.pop()
    browser.addresses[ORIGIN] = await world.gateway()
    assert (await user(browser))["sub"] == "reader"


async def test_a_session_whose_key_has_gone_is_none(world: World, browser: Browser) -> None:
    await log_in(browser)
    world.keys[:] = [new_key()]
    browser.addresses[ORIGIN] = await world.gateway()

    assert await user(browser) is None


async def test_a_valkey_that_goes_is_told_and_one_that_comes_back_is_used(
    world: World, tmp_path: Path
) -> None:
    with running_valkey(tmp_path) as url:
        socket = Path(url.removeprefix("unix://"))
        with tempfile.TemporaryDirectory() as folder:
            way = Path(folder) / "way.sock"
            way.symlink_to(socket)
            browser = world.browser(await world.gateway(valkey_url=f"unix://{way}", local_seconds=60))
            await log_in(browser)
            assert (await browser.fetch(MINE)).status_code == 200
            way.unlink()
            async with valkey.asyncio.Valkey.from_url(url) as client:
                await client.execute_command("CLIENT", "KILL", "SKIPME", "yes")

            async def is_gone() -> bool:
                return (await browser.fetch(MINE)).status_code == 503

            await until(is_gone)
            assert kind(await browser.fetch(MINE)) == (503, "session-store-unavailable")
            way.symlink_to(socket)

            async def is_back() -> bool:
                return (await browser.fetch(MINE)).status_code == 200

            await until(is_back)
            assert (await user(browser))["sub"] == "reader"
