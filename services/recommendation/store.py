"""Recommendation's graph: a file of this process alone, made of completed orders."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from frontispiece.events import Event, EventData
from frontispiece.stores import EmbeddedStore, GroupCommit
from services.recommendation.events import OrderCompleted
from services.recommendation.graph import Graph
from services.recommendation.model import Pair, Purchase, best


class Store(EmbeddedStore[Graph]):
    """The graph.

    Args:
        folder: of its files.
        min_customers: of two articles, before one is recommended beside the other.
    """

    def __init__(self, folder: Path, *, min_customers: int) -> None:
        super().__init__(folder, Graph)
        self._facts = GroupCommit[OrderCompleted](lambda facts: self.write(partial(add, facts=facts)))
        self._min_customers = min_customers

    async def completed(self, event: Event[OrderCompleted]) -> None:
        """Add the purchase of an order; again, it changes nothing."""
        await self._facts.add(event.data)

    async def recommendations(self, skus: Sequence[str], limit: int) -> dict[str, list[Pair]]:
        """What is recommended beside each of these articles, best first."""
        return best(await self.read(lambda graph: graph.pairs(skus, self._min_customers)), limit)


def add(graph: Graph, facts: Sequence[EventData]) -> None:
    """Add the purchases of completed orders."""
    graph.add(
        Purchase(customer=fact.owner, skus=tuple(line.sku for line in fact.lines))
        for fact in facts
        if isinstance(fact, OrderCompleted) and fact.lines
    )
