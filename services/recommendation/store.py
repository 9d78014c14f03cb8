"""Recommendation's graph: a file of this process alone, made of completed orders."""

from collections.abc import Sequence
from pathlib import Path

from services.recommendation.graph import Graph
from services.recommendation.model import Pair, best
from shop.facts import FactStore


class Store(FactStore[Graph]):
    """The graph.

    Args:
        folder: of its files.
        min_customers: of two articles, before one is recommended beside the other.
    """

    def __init__(self, folder: Path, *, min_customers: int) -> None:
        super().__init__(folder, Graph)
        self._min_customers = min_customers

    async def recommendations(self, skus: Sequence[str], limit: int) -> dict[str, list[Pair]]:
        """What is recommended beside each of these articles, best first."""
        return best(await self.read(lambda graph: graph.pairs(skus, self._min_customers)), limit)
