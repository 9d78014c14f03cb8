"""A client that asks what has changed ends with exactly the catalogue, whenever it asks."""

import asyncio
import random
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from frontispiece.cli.run.migrate import databases
from frontispiece.stores.migrations import upgrade
from services.catalog import changes
from services.catalog.changes import REMOVAL_RETENTION, PositionExpired
from services.catalog.model import ChangePosition, Product
from services.catalog.store import Store, change_log
from tests.conftest import AppClient
from tests.services.catalog.goods import GOODS, enter, fields, look, product
from tests.services.support import intent
from tests.support.postgres import Postgres
from tests.support.shop import PROJECT

ADOPTION = Path(__file__).parents[1] / "adoption" / "catalog.sql"


class Phone:
    """A client that holds the catalogue as it learned it."""

    def __init__(self, store: Store, limit: int = 3) -> None:
        self._store = store
        self._limit = limit
        self.position: ChangePosition | None = None
        self.products: dict[str, Product] = {}
        self.received = 0
        """Changes that have been sent to it."""

    async def read_page(self) -> bool:
        """Take the next changes; returns whether there are more."""
        page = await self._store.changes(self.position, self._limit)
        self.products |= {stored.product.sku: stored.product for stored in page.products}
        for sku in page.removed:
            self.products.pop(sku, None)
        assert len(page.products) + len(page.removed) <= self._limit
        self.received += len(page.products) + len(page.removed)
        self.position = page.after
        return page.more

    async def sync(self) -> None:
        """Take all changes."""
        while await self.read_page():
            pass


async def catalogue(store: Store) -> dict[str, Product]:
    return {stored.product.sku: stored.product for stored in (await look(store)).products}


async def remove(store: Store, *skus: str) -> None:
    for sku in skus:
        assert await store.remove(sku, (await store.find([sku]))[sku].version)


async def change(store: Store, sku: str, **changes: Any) -> None:
    known = (await store.find([sku]))[sku]
    assert await store.put(replace(known.product, **changes), known.version)


@pytest.mark.parametrize("seed", range(3))
async def test_a_client_that_syncs_now_and_then_ends_with_the_catalogue(store: Store, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (a test's choices)
    phones = [Phone(store, limit) for limit in (1, 3, 100)]
    for number in range(40):
        await _write_something(store, chance, number)
        for phone in phones:
            if chance.random() < 0.3:
                await phone.read_page()
    for phone in [*phones, Phone(store)]:
        await phone.sync()
        assert phone.products == await catalogue(store)


async def _write_something(store: Store, chance: random.Random, number: int) -> None:
    known = await catalogue(store)
    name = f"Thing {number}"
    new = [product(f"N-{chance.randrange(8)}", name) for _ in range(chance.randrange(1, 4))]
    match chance.choice(["put", "change", "remove", "import"]):
        case "put" if new[0].sku not in known:
            await store.put(new[0], None)
        case "change" if known:
            await change(store, chance.choice(sorted(known)), name=name)
        case "remove" if known:
            await remove(store, chance.choice(sorted(known)))
        case _:
            await store.import_products(intent(str(number)), _of_different_skus(new))


def _of_different_skus(products: Iterable[Product]) -> list[Product]:
    return list({each.sku: each for each in products}.values())


async def test_readers_lose_nothing_of_concurrent_writers(store: Store) -> None:
    phones = [Phone(store, limit) for limit in (2, 50)]
    writing = True

    async def write(writer: int) -> None:
        chance = random.Random(writer)  # noqa: S311 (a test's choices)
        for number in range(15):
            sku = f"W-{chance.randrange(6)}"
            found = (await store.find([sku])).get(sku)
            if found and chance.random() < 0.4:
                await store.remove(sku, found.version)
            elif found:
                await store.put(replace(found.product, name=f"{writer} {number}"), found.version)
            else:
                some = [product(f"W-{n}", f"{writer} {number}") for n in chance.sample(range(6), 3)]
                await store.import_products(intent(f"{writer} {number}"), some)

    async def read(phone: Phone) -> None:
        while writing:
            await phone.read_page()
            await asyncio.sleep(0)

    readers = [asyncio.create_task(read(phone)) for phone in phones]
    await asyncio.gather(*(write(writer) for writer in range(3)))
    writing = False
    await asyncio.gather(*readers)

    for phone in phones:
        await phone.sync()
        assert phone.products == await catalogue(store)


async def test_no_change_is_seen_before_one_with_a_lower_position(postgres: Postgres) -> None:
    async with Store(postgres.new_database()) as store, asyncio.timeout(60):
        await store.add(GOODS)
        phone = Phone(store)
        async with store.database.write() as slow:
            await slow.execute(sa.text("UPDATE products SET brand_name = 'Ash' WHERE sku = 'P-1'"))
            await change_log.record(slow, ["P-1"])
            quick = asyncio.create_task(store.put(product("N-1", "New quill"), None))
            while not (quick.done() or await _writers_that_wait(store)):
                await asyncio.wait({quick}, timeout=0.01)
            await phone.sync()  # where the quick writer had committed, this would pass the slow one
        await quick
        await phone.sync()

        assert phone.products == await catalogue(store)
        assert phone.products["P-1"].brand.name == "Ash"


async def _writers_that_wait(store: Store) -> int:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with store.database.read() as tx:
        count: int = (await tx.execute(sa.text(waiting))).scalar_one()
        return count


async def test_old_removals_are_forgotten_and_clients_from_before_begin_anew(database_url: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    async with Store(database_url, now=lambda: now) as store:
        await store.add(GOODS)
        stays_away, returns = Phone(store), Phone(store, limit=2)
        await stays_away.sync()
        await remove(store, "P-1")
        now += REMOVAL_RETENTION - timedelta(days=1)
        await returns.read_page()
        now += timedelta(days=2)
        await stays_away.sync()  # nothing has been forgotten yet
        stale = stays_away.position
        await remove(store, "P-2")
        await remove(store, "I-1")

        assert (await store.changes(stale, 10)).removed == ("P-2", "I-1")
        now += REMOVAL_RETENTION + timedelta(days=1)
        await remove(store, "I-2")
        with pytest.raises(PositionExpired):
            await store.changes(stale, 10)
        with pytest.raises(PositionExpired):
            await returns.sync()
        anew = Phone(store)
        await anew.sync()
        assert anew.products == await catalogue(store)


async def test_no_more_removals_are_remembered_than_the_maximum(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MAX_REMOVALS", 2)
    early, late = Phone(store), Phone(store)
    await early.sync()
    await remove(store, "P-1")
    await late.sync()
    await remove(store, "P-2", "P-3")

    await late.sync()
    assert late.products == await catalogue(store)
    with pytest.raises(PositionExpired):
        await early.sync()


async def test_a_client_may_begin_when_removals_were_forgotten_and_finish_in_pages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MAX_REMOVALS", 0)
    await remove(store, "I-3")

    phone = Phone(store, limit=1)
    await phone.sync()

    assert phone.products == await catalogue(store)


async def test_a_position_of_another_database_is_refused(store: Store, tmp_path: Path) -> None:
    phone = Phone(store)
    await phone.sync()
    assert phone.position is not None
    async with Store(f"sqlite:///{tmp_path}/other.db") as other:
        await other.add(GOODS)
        with pytest.raises(PositionExpired):
            await other.changes(phone.position, 10)
    ahead = replace(phone.position, position=phone.position.position + 1)
    with pytest.raises(PositionExpired):  # as when a backup was restored
        await store.changes(ahead, 10)


async def test_products_from_before_changes_were_recorded_are_the_first(tmp_path: Path) -> None:
    file = tmp_path / "service.db"
    with sqlite3.connect(file) as connection:
        connection.executescript(ADOPTION.read_text(encoding="utf-8"))
        document = '{"name": "Reed", "description": "", "currency": "EUR", "attributes": {}, "related": []}'
        for sku in ("B-2", "A-1"):
            values = (sku, "reed", "oak", "Oak", "pens", "Pens", 500, document, 7)
            columns = (
                "sku, name_key, brand_id, brand_name, type_id, type_name, price_amount, document, version"
            )
            connection.execute(f"INSERT INTO products ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    connection.close()
    (database,) = databases(PROJECT, ["catalog"])
    upgrade(f"sqlite:///{file}", database.migrations)

    async with Store(f"sqlite:///{file}") as store:
        phone = Phone(store, limit=1)
        await phone.sync()
        assert list(phone.products) == ["B-2", "A-1"]
        await remove(store, "B-2")
        await phone.sync()
        assert list(phone.products) == ["A-1"]


async def test_over_http_changes_have_products_removals_and_a_cursor(http: httpx.AsyncClient) -> None:
    await enter(http, "A-1", "A-2", "A-3")

    first = (await http.get("/product-changes?limit=2")).json()
    second = (await http.get("/product-changes", params={"since": first["cursor"]})).json()
    assert [each["sku"] for each in first["upserts"] + second["upserts"]] == ["A-1", "A-2", "A-3"]
    assert (first["more"], second["more"]) == (True, False)
    assert first["upserts"][0] == (await http.get("/products/A-1")).json()

    tag = (await http.get("/products/A-1")).headers["etag"]
    renamed = fields(name="Renamed")
    assert (await http.put("/products/A-1", json=renamed, headers={"If-Match": tag})).status_code == 200
    tag = (await http.get("/products/A-2")).headers["etag"]
    assert (await http.delete("/products/A-2", headers={"If-Match": tag})).status_code == 204
    changed = (await http.get("/product-changes", params={"since": second["cursor"]})).json()

    assert [each["name"] for each in changed["upserts"]] == ["Renamed"]
    assert (changed["removed"], changed["more"]) == (["A-2"], False)


@pytest.mark.parametrize("cursor", ["x", "WyJ4IiwxLDFd", "WyJ4Iiw5OTk5OTk5OTk5OTk5OTk5OTk5OTksMV0", "W10"])
async def test_a_cursor_that_cannot_be_continued_is_gone_and_the_client_begins_anew(
    http: httpx.AsyncClient, app_client: AppClient, cursor: str
) -> None:
    await enter(http, "A-1")

    gone = await http.get("/product-changes", params={"since": cursor})

    assert gone.status_code == 410
    assert gone.json()["type"] == "urn:frontispiece:problem:cursor-expired"
    assert "begin anew without one" in gone.json()["detail"]
