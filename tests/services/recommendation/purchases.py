"""Adds purchases to a graph until it is killed: `python -m tests.services.recommendation.purchases FOLDER`.

Each line that it prints is the number of a purchase that is there; with `rebuild` it makes the graph anew,
without an end.
"""

import asyncio
import sys
from itertools import count
from pathlib import Path

from services.recommendation.events import Line, OrderCompleted
from services.recommendation.store import Store


def completed(number: int) -> OrderCompleted:
    """The order of this number: three articles of one of ten customers."""
    skus = {f"ART-{number * step % 17}" for step in (1, 3, 7)}
    return OrderCompleted(owner=f"customer{number % 10}", lines=tuple(Line(sku=sku) for sku in sorted(skus)))


def edges(numbers: range) -> set[tuple[str, str]]:
    """The edges of the orders with these numbers."""
    orders = [completed(number) for number in numbers]
    return {(order.owner, line.sku) for order in orders for line in order.lines}


def acknowledge(number: int) -> None:
    """Print that a purchase is there."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


async def _add(folder: Path) -> None:
    async with Store(folder, min_customers=2) as store:
        await store.opened()
        for number in count():
            await store.write(lambda graph, number=number: graph.apply([completed(number)]))  # type: ignore[misc]
            acknowledge(number)


async def _rebuild(folder: Path) -> None:
    async with Store(folder, min_customers=2) as store:
        await store.opened()
        async with store.rebuilding() as write:
            for number in count():
                await write(lambda graph, number=number: graph.apply([completed(number % 40)]))  # type: ignore[misc]
                acknowledge(number)


if __name__ == "__main__":
    asyncio.run((_rebuild if "rebuild" in sys.argv else _add)(Path(sys.argv[1])))
