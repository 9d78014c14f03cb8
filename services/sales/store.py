"""Sales' columns: a file of this process alone, made of the facts of orders."""

from datetime import date
from functools import partial
from pathlib import Path

from services.sales.columns import MEMORY, Columns
from services.sales.model import Figures, Grouping
from shop.facts import FactStore


class Store(FactStore[Columns]):
    """The columns.

    Args:
        folder: of their files.
        memory: megabytes that DuckDB may use.
    """

    def __init__(self, folder: Path, *, memory: int = MEMORY) -> None:
        super().__init__(folder, partial(Columns, memory=memory))

    async def report(self, first: date, last: date) -> dict[Grouping, list[Figures]]:
        """The figures of the orders that were placed in these days, in every grouping."""
        return await self.read(lambda columns: columns.report(first, last))
