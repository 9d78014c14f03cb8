import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import StatementError

from services.catalog.model import StoredProduct
from services.catalog.store import PUT_AT_ONCE, Store
from tests.services.catalog.goods import GOODS, look, product, skus
from tests.services.support import intent


async def one(store: Store, sku: str) -> StoredProduct:
    return (await store.find([sku]))[sku]


async def test_a_database_is_opened_again_with_all_it_holds(store: Store, database_url: str) -> None:
    await store.add([product("N-1", "New quill")])
    async with Store(database_url) as again:
        assert skus((await look(again, "new quill")).products) == ["N-1"]


async def test_a_changed_product_is_found_by_its_new_words_only(store: Store) -> None:
    known = await one(store, "P-2")
    changed = await store.put(replace(known.product, name="Copper pen"), known.version)

    assert changed is not None
    assert changed.version == known.version + 1
    assert skus((await look(store, "brass")).products) == []
    assert skus((await look(store, "copper")).products) == ["P-2"]


@pytest.mark.parametrize("sku", ["P-1", "N-1"])
async def test_of_writers_of_one_version_or_of_one_new_product_one_succeeds(store: Store, sku: str) -> None:
    known = (await store.find([sku])).get(sku)
    version = known.version if known else None
    outcomes = await asyncio.gather(*(store.put(product(sku, f"New {n}"), version) for n in range(5)))

    assert sum(outcome is not None for outcome in outcomes) == 1


async def test_a_removed_product_is_gone_and_its_versions_never_come_back(store: Store) -> None:
    known = await one(store, "P-1")
    assert await store.remove("P-1", known.version)

    assert await store.find(["P-1"]) == {}
    assert skus((await look(store, "reed")).products) == []
    entered = await store.put(known.product, None)
    assert entered is not None
    assert entered.version > known.version


async def test_an_import_that_fails_leaves_nothing_behind(store: Store) -> None:
    broken = product("Z-2", "Zinc tray", attributes={"moment": datetime.now(UTC)})
    with pytest.raises((StatementError, TypeError), match="not JSON serializable"):
        await store.import_products(intent(), [product("Z-1", "Zinc plate"), broken])

    assert await store.find(["Z-1"]) == {}
    assert await store.import_products(intent(), [product("Z-1", "Zinc plate")]) == 1


async def test_an_import_of_more_products_than_a_statement_has_room_for_leaves_the_event_loop_to_others(
    store: Store,
) -> None:
    many = [product(f"M-{n}", f"Mill {n}", description="Grinds slowly.") for n in range(2500)]
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count_turns())
    try:
        assert await store.import_products(intent(), many) == 2500
    finally:
        counting.cancel()

    assert turns > 2500 / PUT_AT_ONCE
    assert (await look(store, "mill 2471")).total == 1
    assert (await look(store)).total == 2500 + len(GOODS)


async def test_imports_of_the_same_products_in_opposite_order_all_succeed(store: Store) -> None:
    many = [product(f"M-{n}", f"Mill {n}") for n in range(50)]
    await asyncio.gather(
        *(store.import_products(intent(f"import-{n}"), many[:: 1 if n % 2 else -1]) for n in range(4))
    )

    assert (await look(store, "mill")).total == 50
