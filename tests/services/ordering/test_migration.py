"""Orders from before they were streams of events live on."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from frontispiece.events import Reject
from frontispiece.stores.migrations import Migrations, upgrade
from services.ordering.domain_events import Reason, Step, StepStarted, encode
from services.ordering.event_store import Seen
from services.ordering.events import StockReleased
from services.ordering.model import Status
from services.ordering.order import Stock
from services.ordering.store import Orders
from services.ordering.tables import event_store
from tests.services.ordering.conftest import OpenShop
from tests.services.ordering.orders import LINE, ORDER_ID, PLACED
from tests.services.ordering.sharded import two_shards
from tests.support.events import event

FIRST_TABLES = Path(__file__).parents[1] / "adoption" / "ordering.sql"

SOLD, PENDING = ORDER_ID, ORDER_ID.replace("0b8f", "1c9a")


@pytest.fixture
def tables() -> str:
    """None: an old database has other ones."""
    return ""


@pytest.fixture
def old_database(database_url: str) -> str:
    """A database as before, with a sold order and one that was interrupted."""
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        for statement in FIRST_TABLES.read_text(encoding="utf-8").split(";"):
            if statement.strip():
                connection.execute(sa.text(statement))
        row = {
            "owner": "reader",
            "digest": "d1",
            "currency": "EUR",
            "lines": json.dumps(
                [{"sku": "PEN", "name": "Pen", "quantity": 2, "unit_price": 333, "percent_off": 10}]
            ),
            "reservation_key": "k",
            "reservation_id": None,
            "version": 3,
        }
        insert = sa.text(
            "INSERT INTO orders (id, owner, digest, status, currency, lines, placed_at, reservation_key, "
            "reservation_id, version) VALUES (:id, :owner, :digest, :status, :currency, :lines, :placed_at, "
            ":reservation_key, :reservation_id, :version)"
        )
        rows = [
            {**row, "id": PENDING, "status": "pending", "placed_at": 1_700_000_001_000_000},
            {**row, "id": SOLD, "status": "confirmed", "placed_at": 1_700_000_000_000_000},
        ]
        connection.execute(insert, rows)
    engine.dispose()
    return database_url


async def test_a_sold_order_is_completed_and_an_interrupted_one_is_cancelled(old_database: str) -> None:
    upgrade(old_database, Migrations("services.ordering.migrations"))

    async with Orders(old_database) as orders:
        sold, interrupted = await orders.find(SOLD), await orders.find(PENDING)
        assert sold is not None
        assert interrupted is not None
        assert (sold.order.status, sold.order.bill.lines, sold.order.total) == (
            Status.COMPLETED,
            (LINE,),
            600,
        )
        assert sold.order.placed_at.timestamp() == 1_700_000_000
        assert (interrupted.order.status, interrupted.order.reason) == (Status.CANCELLED, Reason.TIMED_OUT)
        assert {sold.order.stock, interrupted.order.stock} == {Stock.NONE}
        async with orders.database.read() as tx:
            log = await event_store.read(tx, Seen(), 100)
    assert [(each.position, each.order_id, each.event.NAME) for each in log] == [
        (1, SOLD, "placed"),
        (2, SOLD, "confirmed"),
        (3, SOLD, "completed"),
        (4, PENDING, "placed"),
        (5, PENDING, "cancellation-started"),
        (6, PENDING, "cancelled"),
    ]


async def test_orders_of_the_time_before_shards_are_found_listed_and_end_beside_new_ones(
    open_shop: OpenShop, tmp_path: Path
) -> None:
    """Their database becomes the shard that has all buckets; they have UUIDs."""
    databases = two_shards(tmp_path)
    engine = sa.create_engine(databases["0"].database_url)
    migrations = Migrations("services.ordering.migrations")
    with engine.begin() as connection:
        migrations.run(connection, "0000", "0002")
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('0002')"))
        events = sa.Table("order_events", sa.MetaData(), autoload_with=connection)
        begun = (PLACED, StepStarted(step=Step.RESERVE))
        rows = [
            {
                "position": version,
                "order_id": ORDER_ID,
                "version": version,
                "type": each.NAME,
                "schema_version": each.SCHEMA,
                "data": encode(each),
                "recorded_at": 1_700_000_000_000_000,
            }
            for version, each in enumerate(begun, 1)
        ]
        connection.execute(events.insert(), rows)
        due = {"order_id": ORDER_ID, "step": "reserve", "attempt": 1, "due_at": 4_000_000_000_000_000}
        under_way = sa.Table("timeouts", sa.MetaData(), autoload_with=connection)
        connection.execute(under_way.insert(), [due])
    engine.dispose()

    async with open_shop(shards=databases) as shop:
        shards = shop.shards
        assert shards is not None
        found = await shop.http.get(f"/orders/{ORDER_ID}", headers=shop.headers)
        assert (found.status_code, found.json()["status"]) == (200, "pending")
        new = await shop.place()
        mine = {**shop.headers, "Min-Position": new.headers["position"]}
        listed = (await shop.http.get("/orders", headers=mine)).json()["items"]
        assert {order["id"] for order in listed} == {ORDER_ID, new.json()["id"]}
        assert await shards.by_name["1"].buckets() == frozenset()

        await shop.http.post(f"/orders/{ORDER_ID}/cancel", headers=shop.headers)
        await shards.handle(event(StockReleased(order_id=ORDER_ID), subject=ORDER_ID))
        ended = await shop.http.post(f"/orders/{ORDER_ID}/cancel", headers=shop.headers)
        assert (ended.status_code, ended.json()["status"]) == (202, "cancelled")
        with pytest.raises(Reject):
            await shards.handle(event(StockReleased(order_id=SOLD.replace("0b", "ff")), subject=SOLD))
