"""Catalog tells of products that are new, have another price or are no longer sold, each with its change."""

import asyncio
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from services.catalog.events import PriceChanged, ProductAdded, ProductRemoved
from services.catalog.model import Product
from services.catalog.store import Store, outbox
from tests.services.catalog.goods import GOODS, euros, product
from tests.services.support import intent
from tests.support.events import published as pending


async def published(store: Store) -> list[Any]:
    """What waits to be published."""
    events = await pending(store.database, outbox)
    assert all(event.subject == event.data.sku for event in events)
    return [event.data for event in events]


async def current(store: Store, sku: str) -> tuple[Product, int]:
    found = (await store.find([sku]))[sku]
    return found.product, found.version


async def test_a_changed_price_is_published_with_the_version_of_its_product(store: Store) -> None:
    before, version = await current(store, "P-1")
    await store.put(replace(before, price=euros(6)), version)

    assert await published(store) == [
        PriceChanged(
            sku="P-1",
            brand=before.brand.id,
            amount=600,
            currency="EUR",
            amount_before=before.price.amount,
            currency_before="EUR",
            version=version + 1,
        )
    ]


async def test_a_new_product_is_published_once_and_first_data_are_not(store: Store) -> None:
    new = product("N-1", "New quill")
    entered = await store.put(new, None)
    assert entered is not None
    await store.import_products(intent(), [new, product("N-2", "Newer quill")])

    first, second = await published(store)
    assert first == ProductAdded.of(new, entered.version)
    assert (type(second), second.sku) == (ProductAdded, "N-2")


async def test_neither_another_change_nor_a_refused_one_is_published(store: Store) -> None:
    before, version = await current(store, "P-1")
    await store.put(replace(before, name="Quill"), version)
    await store.put(replace(before, price=euros(6)), version)
    await store.import_products(intent(), list(GOODS))

    assert await published(store) == []


async def test_a_removed_product_is_published_and_its_next_price_is_of_a_later_version(store: Store) -> None:
    before, version = await current(store, "P-1")
    await store.remove("P-1", version)
    await store.remove("P-1", version)
    entered = await store.put(before, None)
    assert entered is not None
    await store.put(replace(before, price=euros(6)), entered.version)

    removed, _added, changed = await published(store)
    assert removed == ProductRemoved(sku="P-1", version=version + 1)
    assert (changed.sku, changed.amount) == ("P-1", 600)
    assert changed.version > removed.version


async def test_an_import_publishes_each_price_that_really_changed_once(store: Store) -> None:
    goods = [replace(each, price=euros(7)) if each.sku in {"P-1", "P-3"} else each for each in GOODS]
    new = [*goods, product("N-1", "New quill")]
    await store.import_products(intent(), new)
    await store.import_products(intent(), new)

    changed = [each for each in await published(store) if isinstance(each, PriceChanged)]
    assert [(each.sku, each.amount) for each in changed] == [("P-1", 700), ("P-3", 700)]
    for each in changed:
        assert each.version == (await current(store, each.sku))[1]


async def test_a_large_import_stores_its_events_in_one_statement(store: Store) -> None:
    await store.add([product(f"N-{number}", "New") for number in range(1500)])
    statements: list[str] = []
    engine = store.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", lambda *event: statements.append(event[2]))

    await store.import_products(
        intent(), [product(f"N-{number}", "New", price=euros(2)) for number in range(1500)]
    )

    assert len(await published(store)) == 1500
    # SQLAlchemy inserts a thousand rows and fewer at a time.
    assert len([statement for statement in statements if statement.startswith("INSERT INTO outbox")]) <= 15


async def test_of_changes_at_once_each_that_was_made_is_published(store: Store) -> None:
    _, version = await current(store, "P-1")

    async def change(amount: int) -> None:
        await store.import_products(
            intent(f"key-{amount}"), [replace(each, price=euros(amount)) for each in GOODS]
        )

    await asyncio.gather(*(change(amount) for amount in (91, 92, 93)))

    of_one = [each for each in await published(store) if each.sku == "P-1"]
    assert sorted(each.amount for each in of_one) == [9100, 9200, 9300]
    last = max(of_one, key=lambda each: each.version)
    assert (last.amount, last.version) == ((await current(store, "P-1"))[0].price.amount, version + 3)
