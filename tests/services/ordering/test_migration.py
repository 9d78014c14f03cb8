"""Orders from before they were streams of events live on."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from frontispiece.stores.migrations import Migrations, upgrade
from services.ordering.domain_events import Reason
from services.ordering.model import Status
from services.ordering.order import Stock
from services.ordering.store import Orders
from services.ordering.tables import event_store
from tests.services.ordering.orders import LINE, ORDER_ID

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
            log = await event_store.read(tx, 0, 100)
    assert [(each.position, each.order_id, each.event.NAME) for each in log] == [
        (1, SOLD, "placed"),
        (2, SOLD, "confirmed"),
        (3, SOLD, "completed"),
        (4, PENDING, "placed"),
        (5, PENDING, "cancellation-started"),
        (6, PENDING, "cancelled"),
    ]
