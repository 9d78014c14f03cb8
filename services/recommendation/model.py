"""What is recommended beside an article: what those who bought it have bought, too."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """An article, and another that some of its customers have bought, too."""

    sku: str
    other: str
    both: int
    """Customers of both."""
    customers: int
    """Customers of the first."""
    other_customers: int
    """Customers of the other."""

    @property
    def score(self) -> float:
        """The cosine of the two as vectors over customers: 1 when the same customers bought both.

        What everybody buys has many customers without this one and scores low, so that it is not recommended
        everywhere (G. Linden, B. Smith, J. York: "Amazon.com Recommendations: Item-to-Item Collaborative
        Filtering", IEEE Internet Computing 7(1), 2003).
        """
        return self.both / sqrt(self.customers * self.other_customers)


def best(pairs: Iterable[Pair], limit: int) -> dict[str, list[Pair]]:
    """The pairs of each first article, best first."""
    found: dict[str, list[Pair]] = {}
    for pair in sorted(pairs, key=lambda pair: (-pair.score, -pair.both, pair.other)):
        of_article = found.setdefault(pair.sku, [])
        if len(of_article) < limit:
            of_article.append(pair)
    return found
