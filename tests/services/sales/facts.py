"""Sets the facts of orders, and prints their numbers, until it is killed: `python -m … FOLDER`."""

import asyncio
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from frontispiece.events import EventData
from services.sales.events import Line, OrderCancelled, OrderCompleted, OrderPlaced
from services.sales.store import Store

PENS, INK = (
    Line(sku="PEN", quantity=2, unit_price=333, percent_off=10, type="pens", brand="quill"),
    Line(sku="INK", quantity=1, unit_price=1000, percent_off=0, type="inks", brand="quill"),
)


def order(number: int) -> list[EventData]:
    """All facts of an order: of three, the first is completed, the second cancelled and refunded."""
    placed = OrderPlaced(
        order_id=f"order-{number}",
        lines=(PENS, INK) if number % 2 else (PENS,),
        currency="EUR",
        coupon="" if number % 4 else "Ink20",
        placed_at=datetime(2026, 5, 1 + number % 3, 23, 30, tzinfo=UTC),
        client="web/1.4.0" if number % 2 else "mobile/2.0.0",
    )
    captured = 490 + (1600 if number % 2 else 600)
    ends: list[list[EventData]] = [
        [OrderCompleted(order_id=placed.order_id, captured=captured)],
        [OrderCancelled(order_id=placed.order_id, refunded=captured)],
        [],
    ]
    return [placed, *ends[number % 3]]


async def _set(folder: Path) -> None:
    async with Store(folder) as store:
        await store.opened()
        for number in count():
            for fact in order(number):
                await store.write(lambda columns, fact=fact: columns.apply([fact]))  # type: ignore[misc]
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_set(Path(sys.argv[1])))
