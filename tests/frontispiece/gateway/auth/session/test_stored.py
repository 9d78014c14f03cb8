"""What is stored in Valkey is secret, and cannot be changed unnoticed."""

import tempfile
from pathlib import Path

from valkey.asyncio import Valkey

from frontispiece.cli.run.valkey import running_valkey
from frontispiece.security import new_key
from tests.support.browser import Browser
from tests.support.sessions import GUEST, ORIGIN, SESSION, World, key_of, kind, log_in, until, user

MINE = f"{ORIGIN}/web/mine"


async def dump(valkey: Valkey) -> bytes:
    """All that the server has, names and contents."""
    found = []
    for key in await valkey.keys("*"):
        found.append(key)
        match await valkey.type(key):
            case b"string":
                found.append(await valkey.get(key))
            case b"zset":
                found += await valkey.zrange(key, 0, -1)
            case other:
                raise AssertionError(f"{other!r} is looked at by nobody")
    return b"\n".join(found)


async def test_nothing_secret_is_stored_in_plain(world: World, browser: Browser, valkey: Valkey) -> None:
    guest = world.browser(browser.addresses[ORIGIN])
    await guest.fetch(f"{ORIGIN}/web/shown", method="POST")
    await log_in(browser)
    grant, everything = world.issuer.grants[0], await dump(valkey)

    assert str(browser.cookie(ORIGIN, SESSION)).encode() not in everything
    assert str(guest.cookie(ORIGIN, GUEST)).encode() not in everything
    for secret in (b"eyJ", b"refresh-", grant.sid.encode(), b"reader", b"guest", b"shop.example", b"scope"):
        assert secret not in everything
    assert key_of(browser).encode() in everything


async def test_everything_in_the_store_expires(world: World, browser: Browser, valkey: Valkey) -> None:
    await browser.fetch(f"{ORIGIN}/web/shown", method="POST")
    await log_in(browser)
    await world.expire(browser)
    await browser.fetch(MINE)

    keys = await valkey.keys("*")
    assert len(keys) >= 4
    assert all([0 < await valkey.pttl(key) <= 12 * 3_600_000 for key in keys])


async def test_swapped_sessions_are_none(world: World, browser: Browser, valkey: Valkey) -> None:
    clerk = world.browser(browser.addresses[ORIGIN])
    await log_in(browser)
    world.issuer.user = "clerk"
    await log_in(clerk)
    theirs = await valkey.get(key_of(clerk))
    await valkey.set(key_of(browser), theirs, keepttl=True)

    assert kind(await browser.fetch(MINE)) == (401, "session-ended")
    assert (await user(clerk))["sub"] == "clerk"


async def test_a_session_that_was_changed_is_none(world: World, reader: Browser, valkey: Valkey) -> None:
    key, value = key_of(reader), str(reader.cookie(ORIGIN, SESSION))
    true = bytes(await valkey.get(key))
    begins = true[: true.index(b" ", true.index(b" ") + 1) + 1]
    for forged in (
        true[:-1] + bytes([true[-1] ^ 1]),
        true[:-20],
        begins,
        begins + b'{"subject":"clerk"}',
        b"",
        b"nonsense",
    ):
        await valkey.set(key, forged)
        reader.plant(ORIGIN, SESSION, value)
        assert kind(await reader.fetch(MINE)) == (401, "session-ended"), forged
    await valkey.set(key, true)
    reader.plant(ORIGIN, SESSION, value)
    assert (await user(reader))["sub"] == "reader"


async def test_an_end_that_is_changed_outside_the_encryption_is_void(
    world: World, reader: Browser, valkey: Valkey
) -> None:
    await world.change(reader, ends_at=0.0)
    _, _, sealed = bytes(await valkey.get(key_of(reader))).split(b" ", 2)
    await valkey.set(key_of(reader), b"1800000 99999999999999 " + sealed)

    assert kind(await reader.fetch(MINE)) == (401, "session-ended")


async def test_keys_are_rotated_without_a_logout(world: World, browser: Browser) -> None:
    await log_in(browser)
    world.keys.insert(0, new_key())
    browser.addresses[ORIGIN] = await world.gateway()
    assert (await user(browser))["sub"] == "reader"

    await log_in(browser)
    world.keys.pop()
    browser.addresses[ORIGIN] = await world.gateway()
    assert (await user(browser))["sub"] == "reader"


async def test_a_session_whose_key_has_gone_is_none(world: World, reader: Browser) -> None:
    world.keys[:] = [new_key()]
    reader.addresses[ORIGIN] = await world.gateway()

    assert await user(reader) is None


async def test_a_valkey_that_restarts_is_used_again(world: World, tmp_path: Path) -> None:
    with running_valkey(tmp_path) as url:
        socket = Path(url.removeprefix("unix://"))
        with tempfile.TemporaryDirectory() as folder:
            way = Path(folder) / "way.sock"
            way.symlink_to(socket)
            browser = world.browser(await world.gateway(valkey_url=f"unix://{way}", local_cache_ttl=60))
            await log_in(browser)
            assert (await browser.fetch(MINE)).status_code == 200
            way.unlink()
            async with Valkey.from_url(url) as client:
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
