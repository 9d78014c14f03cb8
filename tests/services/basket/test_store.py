import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import valkey

from front.valkey import running_valkey
from services.basket import store as module
from services.basket.model import MOST_ARTICLES, Basket, Full
from services.basket.store import Store, Unavailable

DAY = timedelta(days=1)


@pytest.fixture
async def store(valkey_url: str) -> AsyncIterator[Store]:
    async with Store(valkey_url, idle=DAY) as store:
        yield store


async def test_a_basket_is_kept_for_whoever_opens_the_store_next(store: Store, valkey_url: str) -> None:
    kept = await store.put("reader", "PEN", 2)

    async with Store(valkey_url, idle=DAY) as another:
        assert await another.basket("reader") == kept


async def test_reading_an_unknown_basket_gives_an_empty_one_and_creates_nothing(
    store: Store, valkey_url: str
) -> None:
    assert await store.basket("reader") == Basket(owner="reader", pieces={}, version=0)

    with valkey.Valkey.from_url(valkey_url) as client:
        assert client.dbsize() == 0


async def test_concurrent_changes_of_different_articles_never_lose_one_another(
    store: Store, valkey_url: str
) -> None:
    async with Store(valkey_url, idle=DAY) as another:
        await asyncio.gather(
            *([store, another][number % 2].put("reader", f"S{number}", number + 1) for number in range(80))
        )

    assert (await store.basket("reader")).pieces == {f"S{number}": number + 1 for number in range(80)}


async def test_a_basket_never_holds_too_many_articles_however_many_come_at_once(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(store.put("reader", f"S{number}", 1) for number in range(MOST_ARTICLES + 20)),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, Full) for outcome in outcomes) == 20
    assert sum(isinstance(outcome, Basket) for outcome in outcomes) == MOST_ARTICLES
    assert len((await store.basket("reader")).pieces) == MOST_ARTICLES


async def test_concurrent_merges_lose_nothing_either(store: Store) -> None:
    await asyncio.gather(
        *(store.merge("reader", [("PEN", number), (f"S{number}", 1)]) for number in range(1, 51))
    )

    basket = await store.basket("reader")
    assert basket.pieces == {"PEN": 50, **{f"S{number}": 1 for number in range(1, 51)}}


async def test_merging_keeps_the_larger_quantity_of_each_article_however_often_it_is_done(
    store: Store,
) -> None:
    await store.put("reader", "PEN", 2)
    await store.put("reader", "INK", 4)
    guest = [("PEN", 3), ("INK", 1), ("LAMP", 1), ("LAMP", 2)]

    merged = await store.merge("reader", guest)

    assert merged.pieces == {"PEN": 3, "INK": 4, "LAMP": 2}
    assert await store.merge("reader", guest) == merged


async def test_a_full_basket_takes_more_of_what_it_holds_but_no_other_article(store: Store) -> None:
    full = await store.merge("reader", ((f"S{number}", 1) for number in range(MOST_ARTICLES)))

    with pytest.raises(Full):
        await store.put("reader", "PEN", 1)
    with pytest.raises(Full):
        await store.merge("reader", [("S1", 5), ("PEN", 1)])
    assert await store.basket("reader") == full
    assert (await store.put("reader", "S1", 9)).pieces["S1"] == 9


async def test_merging_nothing_into_nothing_creates_nothing(store: Store, valkey_url: str) -> None:
    assert (await store.merge("reader", [])).version == 0
    assert (await store.remove("reader", "PEN")).version == 0

    with valkey.Valkey.from_url(valkey_url) as client:
        assert client.dbsize() == 0


async def test_each_change_has_a_version_of_its_own_and_no_change_keeps_the_version(store: Store) -> None:
    first = await store.put("reader", "PEN", 1)
    second = await store.put("reader", "PEN", 2)

    assert second.version == first.version + 1
    assert await store.put("reader", "PEN", 2) == second


async def test_a_basket_made_anew_has_none_of_the_versions_of_the_one_before(store: Store) -> None:
    first = await store.put("reader", "PEN", 1)
    await store.delete("reader")
    again = await store.put("reader", "INK", 1)

    assert again.pieces == {"INK": 1}
    assert again.version > first.version


async def test_a_basket_whose_last_article_goes_is_gone_itself(store: Store, valkey_url: str) -> None:
    await store.put("reader", "PEN", 1)
    emptied = await store.remove("reader", "PEN")

    assert emptied == Basket(owner="reader", pieces={}, version=0)
    with valkey.Valkey.from_url(valkey_url) as client:
        assert client.dbsize() == 0


async def test_a_basket_expires_after_its_idle_time_counted_from_its_last_change(valkey_url: str) -> None:
    with valkey.Valkey.from_url(valkey_url) as client:
        async with Store(valkey_url, idle=DAY) as store:
            await store.put("reader", "PEN", 1)
            [key] = client.keys()
            client.expire(key, 10)
            await store.put("reader", "PEN", 2)
            assert 86_390 < client.ttl(key) <= 86_400

            client.pexpireat(key, 1)
            assert (await store.basket("reader")).pieces == {}


async def test_no_name_of_an_owner_or_of_an_article_reaches_another_basket(store: Store) -> None:
    owners = ["reader", "reader:", "{reader}", "re\x00ader", "*", "a b\r\nDEL x", "läser", "reader%3A", ""]
    for number, owner in enumerate(owners, start=1):
        await store.put(owner, "a\x00\r\nb é", number)

    for number, owner in enumerate(owners, start=1):
        assert (await store.basket(owner)).pieces == {"a\x00\r\nb é": number}


async def test_deleting_a_basket_twice_is_harmless(store: Store) -> None:
    await store.put("reader", "PEN", 1)
    await store.delete("reader")
    await store.delete("reader")

    assert (await store.basket("reader")).pieces == {}


async def test_a_connection_that_the_server_closed_is_made_anew_unnoticed(
    store: Store, valkey_url: str
) -> None:
    kept = await store.put("reader", "PEN", 1)
    with valkey.Valkey.from_url(valkey_url) as client:
        client.client_kill_filter(_type="normal", skipme=True)

    assert await store.basket("reader") == kept


async def test_a_server_that_forgot_the_script_gets_it_again(store: Store, valkey_url: str) -> None:
    await store.put("reader", "PEN", 1)
    with valkey.Valkey.from_url(valkey_url) as client:
        client.script_flush()

    assert (await store.put("reader", "PEN", 2)).pieces == {"PEN": 2}


async def test_a_server_that_does_not_answer_makes_the_store_unavailable_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWERS_WITHIN", 0.1)
    with running_valkey(tmp_path) as url, valkey.Valkey.from_url(url) as client:
        server = client.info("server")["process_id"]
        async with Store(url, idle=DAY) as store:
            kept = await store.put("reader", "PEN", 1)
            os.kill(server, signal.SIGSTOP)
            with pytest.raises(Unavailable):
                await store.basket("reader")
            with pytest.raises(Unavailable):
                await store.ping()
            os.kill(server, signal.SIGCONT)

            assert await store.basket("reader") == kept
