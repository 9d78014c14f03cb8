"""Orders over two shards: what each request touches, and what a customer sees of a move."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import sqlalchemy as sa

from frontispiece.errors import ConfigError
from frontispiece.events import AlreadyHandled, EventSettings, KeyValue, open_key_value
from frontispiece.shards import bucket_for, bucket_of
from frontispiece.shards.move import Group
from frontispiece.shards.mover import Mover
from frontispiece.shards.router import BUCKET, map_key
from frontispiece.shards.transfer import Transfer
from services.ordering import events
from services.ordering.event_store import Seen
from services.ordering.movable import movable
from services.ordering.queries import POSITIONS, Queries
from services.ordering.shards import Shards
from services.ordering.tables import event_store, fence, order_ids, timeouts
from tests.services.ordering.conftest import OpenShop
from tests.services.ordering.sharded import NAMES, customer, headers, placed, two_shards
from tests.services.ordering.world import Shop
from tests.support.events import NO_BROKER, event
from tests.support.sessions import until


@pytest.fixture
async def shop(open_shop: OpenShop, tmp_path: Path, event_settings: EventSettings) -> AsyncIterator[Shop]:
    settings = event_settings.model_copy(update={"monitor_url": ""})  # its services are httpx of the test
    async with open_shop(shards=two_shards(tmp_path), events=settings) as shop:
        yield shop


class Touched:
    """Counts the statements that this task's requests run, by the shard."""

    def __init__(self, shards: Shards) -> None:
        self._shards: ContextVar[list[str] | None] = ContextVar("touched", default=None)
        for name, shard in shards.by_name.items():
            for database in (shard.database, shard.read_store.database):
                sa.event.listen(database.engine.sync_engine, "before_cursor_execute", self._note(name))

    def _note(self, shard: str) -> Any:
        def note(*_: object) -> None:
            if (touched := self._shards.get()) is not None:
                touched.append(shard)

        return note

    @contextmanager
    def shards(self) -> Iterator[list[str]]:
        """The shards of the statements within the block."""
        touched: list[str] = []
        token = self._shards.set(touched)
        yield touched
        self._shards.reset(token)


async def test_each_request_of_a_customer_touches_one_shard_and_an_order_of_another_none(shop: Shop) -> None:
    assert shop.shards is not None
    touched = Touched(shop.shards)
    for shard in NAMES:
        name, other = customer(shard), customer(shard, 1)
        with touched.shards() as of_order:
            response = await placed(shop, name)
        id_ = response.json()["id"]
        assert bucket_of(id_) == bucket_for(name)
        mine = headers(shop, name, **{"Min-Position": response.headers["position"]})
        with touched.shards() as of_look_up:
            assert (await shop.http.get(f"/orders/{id_}", headers=mine)).status_code == 200
        with touched.shards() as of_list:
            assert len((await shop.http.get("/orders", headers=mine)).json()["items"]) == 1
        assert set(of_order) == set(of_look_up) == set(of_list) == {shard}

        with touched.shards() as of_nobody:
            assert (await shop.http.get(f"/orders/{id_}", headers=headers(shop, other))).status_code == 404
        assert of_nobody == []


async def facts(shop: Shop) -> set[tuple[str, str]]:
    """The facts of all orders, read one by one."""
    service, cursor, found = shop.bearer("sales", "orders:replay"), None, set[tuple[str, str]]()
    while True:
        query = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await shop.http.get("/facts", params=query, headers=service)).json()
        found |= {(fact["type"].rpartition(".")[2], fact["data"]["order_id"]) for fact in page["items"]}
        if (cursor := page["next"]) is None:
            return found


async def due(shards: Shards, name: str) -> set[str]:
    """The orders with time-outs that a shard carries out."""
    async with shards.by_name[name].database.read() as tx:
        table = timeouts.table.c
        return set(await tx.scalars(sa.select(table.order_id).where(table.bucket.in_(fence.active))))


async def totals(shards: Shards) -> int:
    """How many orders were placed, over all shards."""
    found = [
        await shard.read_store.totals("2000-01-01", await shard.buckets())
        for shard in shards.by_name.values()
    ]
    return sum(total.placed for of_shard in found for total in of_shard)


async def begun(shards: Shards, name: str, kv: KeyValue) -> Mover:
    """The move of a customer's orders to shard 1, once there is a map."""

    async def is_published() -> bool:
        return await kv.get(map_key("ordering")) is not None

    await until(is_published)
    mover = Mover(movable(shards.by_name), kv, report=lambda _: None)
    await mover.begin(await mover.plan({bucket_for(name)}, "1"))
    return mover


async def moved_to_1(shards: Shards, name: str, kv: KeyValue) -> Mover:
    """Move a customer's orders to shard 1."""
    mover = await begun(shards, name, kv)
    await mover.run()
    return mover


async def test_a_customers_orders_move_with_all_that_belongs_to_them_and_nothing_is_seen_twice(
    shop: Shop, event_settings: EventSettings
) -> None:
    shards = shop.shards
    assert shards is not None
    name, stays = customer("0"), customer("0", 1)
    first, other = await placed(shop, name), await placed(shop, stays)
    id_, other_id = first.json()["id"], other.json()["id"]
    reserved = event(events.StockReserved(order_id=id_), subject=id_)
    await shards.handle(reserved)

    async with open_key_value(event_settings, BUCKET) as kv:
        mover = await moved_to_1(shards, name, kv)

        assert (await placed(shop, name)).json()["id"] == id_, "the intent is known there"
        with pytest.raises(AlreadyHandled):
            await shards.handle(reserved)
        assert (await due(shards, "0"), await due(shards, "1")) == ({other_id}, {id_})
        mine = headers(shop, name, **{"Min-Position": first.headers["position"]})
        assert [order["id"] for order in (await shop.http.get("/orders", headers=mine)).json()["items"]] == [
            id_
        ]
        read = await shop.http.get(f"/orders/{id_}", headers=mine)
        assert (read.status_code, read.json()["stage"]) == (200, "stock-reserved")
        assert await facts(shop) == {("placed", id_), ("placed", other_id)}
        assert await totals(shards) == 2

        authorised = events.PaymentAuthorised(order_id=id_, amount=823, currency="EUR")
        await shards.handle(event(authorised, subject=id_))
        await mover.complete()
        await mover.run()
    left = shards.by_name["0"]
    async with left.database.read() as tx:
        log = await event_store.read(tx, Seen(), 100)
    (removed,) = (recorded for recorded in log if recorded.event.NAME == "bucket-removed")
    assert {recorded.order_id for recorded in log} == {other_id, removed.order_id}
    again = await placed(shop, stays, key="another-intent")
    seen = headers(shop, stays, **{"Min-Position": again.headers["position"]})
    assert len((await shop.http.get("/orders", headers=seen)).json()["items"]) == 2
    assert await left.read_store.order(id_) is None
    assert await facts(shop) == {("placed", each) for each in (id_, other_id, again.json()["id"])}
    moved = await shop.http.get(f"/orders/{id_}", headers=headers(shop, name))
    assert (moved.status_code, moved.json()["status"]) == (200, "confirmed")


async def test_a_copy_that_has_not_seen_the_map_of_a_move_reads_where_the_orders_are(
    shop: Shop, event_settings: EventSettings, tmp_path: Path
) -> None:
    assert shop.shards is not None
    name = customer("0")
    first = (await placed(shop, name)).json()["id"]
    async with Shards(two_shards(tmp_path), NO_BROKER) as other:
        async with open_key_value(event_settings, BUCKET) as kv:
            await moved_to_1(shop.shards, name, kv)
        second = await placed(shop, name, key="another-intent")
        id_ = second.json()["id"]
        seen = headers(shop, name, **{"Min-Position": second.headers["position"]})
        assert (await shop.http.get("/orders", headers=seen)).status_code == 200

        queries = Queries(other, 15)
        listed = await queries.orders(name, 10, None, min_position=0)
        assert [order.id for order in listed.orders] == [id_, first]
        assert (await queries.order(id_, name, min_position=0)).order is not None
        assert await queries.order_at(id_, name) is not None
        assert await other.find(id_, name) is not None


async def test_a_read_waits_for_no_writer_whatever_its_position_says(shop: Shop) -> None:
    assert shop.shards is not None
    name = customer("0")
    id_ = (await placed(shop, name)).json()["id"]
    made_up = headers(shop, name, **{"Min-Position": str(1000 * POSITIONS)})
    async with shop.shards.by_name["0"].database.write():
        read = await shop.http.get(f"/orders/{id_}", headers=made_up)
    assert read.status_code in {200, 202}


async def test_a_clock_that_was_ahead_once_keeps_no_orders_from_being_copied(shop: Shop) -> None:
    shards = shop.shards
    assert shards is not None
    name = customer("0")
    ahead = datetime.now(UTC) + timedelta(hours=1)
    row = {"intent": "i", "order_id": "o", "bucket": bucket_for(customer("0", 1)), "reserved_at": ahead}
    async with shards.by_name["0"].database.write() as tx:
        await tx.execute(order_ids.table.insert().values(row))
    transfer = Transfer(movable(shards.by_name), lambda _: None)

    group, _ = await transfer.copy(Group(source="0", target="1", buckets=str(bucket_for(name))))
    await placed(shop, name)
    await transfer.compare_counts(await transfer.catch_up(group))


async def test_what_a_killed_mover_has_handed_over_is_opened_without_it(
    shop: Shop, event_settings: EventSettings
) -> None:
    shards = shop.shards
    assert shards is not None
    name = customer("0")
    placed_now = await placed(shop, name)
    mine = headers(shop, name, **{"Min-Position": placed_now.headers["position"]})
    assert (await shop.http.get("/orders", headers=mine)).status_code == 200
    async with open_key_value(event_settings, BUCKET) as kv:
        mover = await begun(shards, name, kv)
        setattr(mover, "_open", AsyncMock(side_effect=asyncio.CancelledError))  # noqa: B010 (as kill -9 does)
        with pytest.raises(asyncio.CancelledError):
            await mover.run()

        async def is_open() -> bool:
            is_here = bucket_for(name) in await shards.by_name["1"].buckets()
            return is_here and (await mover.map()).shard_of(bucket_for(name)) == "1"

        await until(is_open)
    assert await totals(shards) == 1
    assert await due(shards, "1") == {placed_now.json()["id"]}


async def test_the_progress_of_an_order_ends_when_it_moves_and_goes_on_where_it_is(
    shop: Shop, event_settings: EventSettings
) -> None:
    shards = shop.shards
    assert shards is not None
    name = customer("0")
    id_ = (await placed(shop, name)).json()["id"]
    queries = Queries(shards, 15)
    async with asyncio.timeout(60), open_key_value(event_settings, BUCKET) as kv:
        before = await queries.progress(id_, name, 0)
        assert (await anext(before)).event == "placed"
        await moved_to_1(shards, name, kv)
        assert [later async for later in before] == []
        async with aclosing(await queries.progress(id_, name, 0)) as after:
            assert (await anext(after)).event == "placed"
            await shards.handle(event(events.StockReserved(order_id=id_), subject=id_))
            assert (await anext(after)).event == "stock-reserved"


async def test_a_copy_without_a_shard_says_so_at_the_start_and_refuses_its_customers_for_now(
    open_shop: OpenShop, event_settings: EventSettings, tmp_path: Path
) -> None:
    settings = event_settings.model_copy(update={"monitor_url": ""})
    both = two_shards(tmp_path)
    stays, name = customer("0"), customer("0", 1)
    async with open_shop(shards={"0": both["0"]}, events=settings) as shop:
        for each in (stays, name):
            await placed(shop, each)
        async with Shards(both, settings) as newer, open_key_value(event_settings, BUCKET) as kv:
            projectors = [asyncio.create_task(shard.projector.run()) for shard in newer.by_name.values()]
            await moved_to_1(newer, name, kv)
            for task in projectors:
                task.cancel()
            await asyncio.wait(projectors)
        refused = await shop.http.get("/orders", headers=headers(shop, name))
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert (await shop.http.get("/orders", headers=headers(shop, stays))).status_code == 200
    with pytest.raises(ConfigError, match="shards that the settings do not name: 1;"):
        async with Shards({"0": both["0"]}, NO_BROKER):
            pytest.fail("it has started")
