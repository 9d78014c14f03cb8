import asyncio
import os
import signal
from datetime import timedelta

import pytest
import valkey

from frontispiece.http import Problem
from services.basket import store as module
from services.basket.model import MAX_ARTICLES, Basket, BasketFull
from services.basket.store import Store
from shop.money import Money

DAY = timedelta(days=1)
PRICES = {"PEN": Money(amount=1000, currency="EUR")}


async def test_a_basket_never_holds_too_many_articles_however_many_come_at_once(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(store.put("reader", f"S{number}", 1) for number in range(MAX_ARTICLES + 20)),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, BasketFull) for outcome in outcomes) == 20
    assert sum(isinstance(outcome, Basket) for outcome in outcomes) == MAX_ARTICLES
    assert len((await store.basket("reader")).quantities) == MAX_ARTICLES


async def test_a_basket_made_anew_has_none_of_the_versions_of_the_one_before(store: Store) -> None:
    first = await store.put("reader", "PEN", 1)
    await store.delete("reader")
    again = await store.put("reader", "INK", 1)

    assert again.quantities == {"INK": 1}
    assert again.version > first.version


async def test_a_basket_expires_after_its_idle_time_counted_from_its_last_change(valkey_url: str) -> None:
    with valkey.Valkey.from_url(valkey_url) as client:
        async with Store(valkey_url, idle=DAY) as store:
            await store.learn(PRICES)
            await store.put("reader", "PEN", 1)
            [key] = client.keys("basket:*")
            client.expire(key, 10)
            await store.put("reader", "PEN", 2)
            assert 86_000 < client.ttl(key) <= 86_400

            client.pexpireat(key, 1)
            assert (await store.basket("reader")).quantities == {}


async def test_no_name_of_an_owner_or_of_an_article_reaches_another_basket(store: Store) -> None:
    owners = ["reader", "reader:", "{reader}", "re\x00ader", "*", "a b\r\nDEL x", "läser", "reader%3A", ""]
    for number, owner in enumerate(owners, start=1):
        await store.put(owner, "a\x00\r\nb é", number)

    for number, owner in enumerate(owners, start=1):
        assert (await store.basket(owner)).quantities == {"a\x00\r\nb é": number}


async def test_a_connection_that_the_server_closed_is_made_anew_unnoticed(
    store: Store, valkey_url: str
) -> None:
    before = await store.put("reader", "PEN", 1)
    with valkey.Valkey.from_url(valkey_url) as client:
        client.client_kill_filter(_type="normal", skipme=True)

    assert await store.basket("reader") == before


async def test_a_server_that_forgot_the_script_gets_it_again(store: Store, valkey_url: str) -> None:
    await store.put("reader", "PEN", 1)
    with valkey.Valkey.from_url(valkey_url) as client:
        client.script_flush()

    assert (await store.put("reader", "PEN", 2)).quantities == {"PEN": 2}


async def test_a_server_that_does_not_answer_makes_the_store_unavailable_until_it_does(
    store: Store, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await store.put("reader", "PEN", 1)
    monkeypatch.setattr(module, "TIMEOUT", 0.1)
    with valkey.Valkey.from_url(valkey_url) as client:
        server = client.info("server")["process_id"]
    async with Store(valkey_url, idle=DAY) as hasty:
        os.kill(server, signal.SIGSTOP)
        try:
            with pytest.raises(Problem, match="cannot be reached"):
                await hasty.basket("reader")
            with pytest.raises(Problem, match="cannot be reached"):
                await hasty.ping()
        finally:
            os.kill(server, signal.SIGCONT)

        async with asyncio.timeout(60):
            while await read(hasty) != before:
                pass


async def read(store: Store) -> Basket | None:
    """The reader's basket; None while the store is unavailable."""
    try:
        return await store.basket("reader")
    except Problem:
        return None
