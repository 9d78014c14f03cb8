import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import StatementError

from kit.idempotency import Intent
from kit.problems import Problem
from services.catalog.model import Entry
from services.catalog.store import Store
from tests.services.catalog.goods import GOODS, look, product, skus


def intent(key: str = "an-intent", request: bytes = b"{}") -> Intent:
    return Intent(owner="clerk", key=key, request=request)


async def one(store: Store, sku: str) -> Entry:
    return (await store.entries([sku]))[sku]


async def test_a_product_comes_back_as_it_was_entered(store: Store) -> None:
    known = await store.entries([good.sku for good in GOODS])

    assert tuple(known[good.sku].product for good in GOODS) == GOODS


async def test_what_can_be_no_sku_is_simply_unknown(store: Store) -> None:
    assert await store.entries(["", "\x00", "P-1\n", "P 1", "'", "P-9"]) == {}


async def test_a_store_is_empty_until_something_is_added(database_url: str) -> None:
    store = Store(database_url)
    async with store.database:
        assert await store.is_empty()
        await store.add(GOODS)
        assert not await store.is_empty()


async def test_a_database_is_opened_again_with_all_it_holds(store: Store, database_url: str) -> None:
    await store.add([product("N-1", "New quill")])
    again = Store(database_url)
    async with again.database:
        assert skus((await look(again, "new quill")).entries) == ["N-1"]


async def test_a_changed_product_is_found_by_its_new_words_only(store: Store) -> None:
    known = await one(store, "P-2")
    changed = await store.put(replace(known.product, name="Copper pen"), known.version)

    assert changed is not None
    assert changed.version == known.version + 1
    assert skus((await look(store, "brass")).entries) == []
    assert skus((await look(store, "copper")).entries) == ["P-2"]


async def test_only_the_current_version_can_be_changed_or_removed(store: Store) -> None:
    known = await one(store, "P-1")

    assert await store.put(known.product, known.version + 1) is None
    assert await store.put(known.product, None) is None
    assert not await store.remove("P-1", known.version + 1)
    assert await one(store, "P-1") == known


async def test_of_two_writers_of_one_version_one_succeeds(store: Store) -> None:
    known = await one(store, "P-1")
    outcomes = await asyncio.gather(*(store.put(known.product, known.version) for _ in range(5)))

    assert sum(outcome is not None for outcome in outcomes) == 1


async def test_of_two_writers_of_one_new_product_one_succeeds(store: Store) -> None:
    outcomes = await asyncio.gather(*(store.put(product("N-1", f"New {n}"), None) for n in range(5)))

    assert sum(outcome is not None for outcome in outcomes) == 1


async def test_a_removed_product_is_gone_and_its_versions_never_come_back(store: Store) -> None:
    known = await one(store, "P-1")
    assert await store.remove("P-1", known.version)

    assert await store.entries(["P-1"]) == {}
    assert skus((await look(store, "reed")).entries) == []
    entered = await store.put(known.product, None)
    assert entered is not None
    assert entered.version > known.version


async def test_an_import_enters_the_new_and_replaces_the_known(store: Store) -> None:
    before = await one(store, "P-1")
    new = [product("Z-1", "Zinc plate"), replace(before.product, name="Quill")]

    assert await store.bring_in(intent(), new) == 2
    assert (await one(store, "P-1")).version == before.version + 1
    assert skus((await look(store, "reed")).entries) == []
    assert set(skus((await look(store, "quill")).entries)) == {"P-1"}
    assert skus((await look(store, "zinc")).entries) == ["Z-1"]


async def test_the_same_import_comes_in_once(store: Store) -> None:
    await store.bring_in(intent(), [product("Z-1", "Zinc plate")])
    entered = await one(store, "Z-1")

    assert await store.bring_in(intent(), [product("Z-1", "Zinc plate")]) == 1
    assert await one(store, "Z-1") == entered
    with pytest.raises(Problem, match="came with another request"):
        await store.bring_in(intent(request=b"other"), [product("Z-2", "Zinc tray")])


async def test_an_import_that_fails_leaves_nothing_behind(store: Store) -> None:
    broken = product("Z-2", "Zinc tray", attributes={"moment": datetime.now(UTC)})
    with pytest.raises((StatementError, TypeError), match="not JSON serializable"):
        await store.bring_in(intent(), [product("Z-1", "Zinc plate"), broken])

    assert await store.entries(["Z-1"]) == {}
    assert await store.bring_in(intent(), [product("Z-1", "Zinc plate")]) == 1


async def test_imports_of_the_same_products_in_opposite_order_all_succeed(store: Store) -> None:
    many = [product(f"M-{n}", f"Mill {n}") for n in range(50)]
    await asyncio.gather(
        *(store.bring_in(intent(f"import-{n}"), many[:: 1 if n % 2 else -1]) for n in range(4))
    )

    assert (await look(store, "mill")).total == 50


async def test_ten_thousand_products_come_in_at_once(store: Store) -> None:
    many = [product(f"M-{n}", f"Mill {n}", description="Grinds slowly.") for n in range(10_000)]

    assert await store.bring_in(intent(), many) == 10_000
    assert (await look(store, "mill 4711")).total == 1
    assert (await look(store)).total == 10_000 + len(GOODS)


async def test_brands_and_types_are_counted_by_name(store: Store) -> None:
    assert [(c.id, c.name, c.count) for c in await store.brands()] == [("elm", "Elm", 3), ("oak", "Oak", 3)]
    assert [(c.id, c.name, c.count) for c in await store.types()] == [
        ("inks", "Inks", 3),
        ("pens", "Pens", 3),
    ]
