"""Sales' columns: a file of this process alone, made of the facts of orders."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path

from frontispiece.events import Event, EventData
from frontispiece.stores import EmbeddedStore, GroupCommit
from services.sales.columns import MEMORY, Columns
from services.sales.events import OrderCancelled, OrderCompleted, OrderPlaced
from services.sales.model import Figures, Grouping

FACTS = OrderPlaced, OrderCompleted, OrderCancelled
"""What sales learns of orders."""


class Store(EmbeddedStore[Columns]):
    """The columns.

    Args:
        folder: of their files.
        memory: megabytes that DuckDB may use.
    """

    def __init__(self, folder: Path, *, memory: int = MEMORY) -> None:
        super().__init__(folder, partial(Columns, memory=memory))
        self._facts = GroupCommit[EventData](lambda facts: self.write(partial(apply, facts=facts)))

    async def happened(self, event: Event[EventData]) -> None:
        """Set what a fact says; again, it changes nothing."""
        await self._facts.add(event.data)

    async def report(self, first: date, last: date) -> dict[Grouping, list[Figures]]:
        """The figures of the orders that were placed in these days, in every grouping."""
        return await self.read(lambda columns: columns.report(first, last))


def apply(columns: Columns, facts: Sequence[EventData]) -> None:
    """Set what facts say."""
    columns.apply(facts)
