"""Customers and articles as nodes, purchases as edges, in a file of ladybug; every call blocks.

An edge is there or not, however often its customer buys the article: a purchase that comes twice, in whatever
order, changes nothing. One statement takes one purchase, since a MERGE below an UNWIND over many customers
left out most edges of ladybug 0.22.0 and added others when it was repeated.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from frontispiece.events import EventData
from services.recommendation.events import OrderCompleted
from services.recommendation.model import Pair

MAX_SIZE: Final = 2**34
"""Bytes of address space that the file may take: ladybug reserves all of it at once, 8 TiB if it may."""

BUFFER: Final = 2**26
"""Bytes of the file in memory; a part of the machine's memory otherwise."""

THREADS: Final = 1
"""A query takes a millisecond or two: handing parts of it to other threads takes longer on a busy machine."""

SCHEMA: Final = (
    "CREATE NODE TABLE IF NOT EXISTS Customer (id STRING PRIMARY KEY)",
    "CREATE NODE TABLE IF NOT EXISTS Article (sku STRING PRIMARY KEY)",
    "CREATE REL TABLE IF NOT EXISTS Bought (FROM Customer TO Article)",
)

ADD: Final = """
    MERGE (customer:Customer {id: $customer})
    WITH customer UNWIND $skus AS sku
    MERGE (article:Article {sku: sku})
    MERGE (customer)-[:Bought]->(article)
"""

PAIRS: Final = """
    MATCH (one:Article)<-[:Bought]-(:Customer)-[:Bought]->(other:Article)
    WHERE one.sku IN $skus AND other.sku <> one.sku
    WITH one.sku AS sku, other.sku AS other, count(*) AS both WHERE both >= $min_customers
    RETURN sku, other, both
"""

CUSTOMERS: Final = """
    MATCH (article:Article)<-[:Bought]-(:Customer) WHERE article.sku IN $skus
    RETURN article.sku, count(*)
"""

EDGES: Final = "MATCH (customer:Customer)-[:Bought]->(article:Article) RETURN customer.id, article.sku"


class Graph:
    """The graph in a file, which is made when it is not there.

    Raises:
        RuntimeError: ladybug cannot open the file.
    """

    def __init__(self, file: Path) -> None:
        import ladybug  # noqa: PLC0415 (takes most of a second)

        self._database = ladybug.Database(
            str(file), buffer_pool_size=BUFFER, max_db_size=MAX_SIZE, max_num_threads=THREADS
        )
        self._connection = ladybug.Connection(self._database)
        for statement in SCHEMA:
            self._connection.execute(statement)

    def close(self) -> None:
        """Write all to the file and let go of it."""
        self._connection.close()
        self._database.close()

    def apply(self, facts: Iterable[EventData]) -> None:
        """Add the purchases of completed orders, all or none; those that are there already change nothing."""
        self._connection.execute("BEGIN TRANSACTION")
        try:
            for fact in facts:
                if isinstance(fact, OrderCompleted) and fact.lines:
                    skus = list(dict.fromkeys(line.sku for line in fact.lines))
                    self._connection.execute(ADD, {"customer": fact.owner, "skus": skus})
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def pairs(self, skus: Sequence[str], min_customers: int) -> list[Pair]:
        """Articles with others that at least so many customers have bought, too."""
        found = self._rows(PAIRS, skus=list(skus), min_customers=min_customers)
        wanted = {*skus, *(other for _, other, _ in found)}
        customers: dict[str, int] = dict(self._rows(CUSTOMERS, skus=sorted(wanted)))
        return [
            Pair(
                sku=sku,
                other=other,
                both=both,
                customers=customers[sku],
                other_customers=customers[other],
            )
            for sku, other, both in found
        ]

    def edges(self) -> set[tuple[str, str]]:
        """Every customer with every article of theirs."""
        return {(customer, sku) for customer, sku in self._rows(EDGES)}

    def _rows(self, query: str, **parameters: Any) -> list[Any]:
        result = self._connection.execute(query, parameters)
        assert not isinstance(result, list), "one statement has one result"
        return [tuple(row) for row in result.get_all()]
