"""Orders and their lines in columns, in a file of DuckDB; every call blocks.

Each fact sets columns of its order's own row, and no fact sets what another one does: in whatever order they
come, and however often, the rows are the same. A statement takes the rows of all facts at once, as an array
for each column: one takes some milliseconds, with one row or with hundreds.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from frontispiece.events import EventData
from services.sales.events import Line, OrderCancelled, OrderCompleted, OrderPlaced
from services.sales.model import OF_LINES, Figures, Grouping, ReportTooLarge, State
from shop import money

MEMORY: Final = 128
"""Megabytes that DuckDB may use: enough for about 300,000 orders."""

THREADS: Final = 2

SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS orders (
        order_id VARCHAR PRIMARY KEY,
        day DATE,
        currency VARCHAR,
        client VARCHAR,
        coupon VARCHAR,
        pieces BIGINT,
        state VARCHAR DEFAULT 'placed',
        captured BIGINT DEFAULT 0,
        refunded BIGINT DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS lines (
        order_id VARCHAR,
        sku VARCHAR,
        type VARCHAR,
        brand VARCHAR,
        quantity BIGINT,
        goods BIGINT,
        PRIMARY KEY (order_id, sku)
    )
"""

PLACED: Final = """
    INSERT INTO orders (order_id, day, currency, client, coupon, pieces)
    SELECT unnest(?), unnest(?), unnest(?), unnest(?), unnest(?), unnest(?)
    ON CONFLICT (order_id) DO UPDATE SET day = excluded.day, currency = excluded.currency,
        client = excluded.client, coupon = excluded.coupon, pieces = excluded.pieces
"""

LINES: Final = """
    INSERT INTO lines SELECT unnest(?), unnest(?), unnest(?), unnest(?), unnest(?), unnest(?)
    ON CONFLICT DO NOTHING
"""

ENDED: Final = """
    INSERT INTO orders (order_id, state, captured, refunded)
    SELECT unnest(?), unnest(?), unnest(?), unnest(?)
    ON CONFLICT (order_id) DO UPDATE SET state = excluded.state,
        captured = excluded.captured, refunded = excluded.refunded
"""

OF_ORDERS: Final = """
    SELECT {key}, currency, count(*), count(*) FILTER (state = 'completed'),
        count(*) FILTER (state = 'cancelled'), coalesce(sum(pieces) FILTER (state = 'completed'), 0),
        sum(captured), sum(refunded)
    FROM orders WHERE day BETWEEN ? AND ? GROUP BY ALL ORDER BY 1, 2
"""

OF_THEIR_LINES: Final = """
    WITH of_order AS (
        SELECT {key} AS key, order_id, sum(quantity) AS quantity, sum(goods) AS goods
        FROM lines GROUP BY ALL
    )
    SELECT key, currency, count(*), count(*) FILTER (state = 'completed'),
        count(*) FILTER (state = 'cancelled'), coalesce(sum(quantity) FILTER (state = 'completed'), 0),
        coalesce(sum(goods) FILTER (captured > 0), 0), coalesce(sum(goods) FILTER (refunded > 0), 0)
    FROM orders JOIN of_order USING (order_id) WHERE day BETWEEN ? AND ? GROUP BY ALL ORDER BY 1, 2
"""

Row = tuple[Any, ...]

KEYS: Final = {Grouping.TOTAL: "''", Grouping.DAY: "strftime(day, '%Y-%m-%d')"}


class Columns:
    """The tables in a file, which is made when it is not there.

    Raises:
        duckdb.Error: the file cannot be opened.
    """

    def __init__(self, file: Path, memory: int = MEMORY) -> None:
        import duckdb  # noqa: PLC0415 (takes most of a second)

        self._connection = duckdb.connect(
            str(file), config={"memory_limit": f"{memory}MB", "threads": THREADS}
        )
        self._connection.execute(SCHEMA)

    def close(self) -> None:
        """Write all to the file and let go of it."""
        self._connection.close()

    def apply(self, facts: Iterable[EventData]) -> None:
        """Set what the facts say, of all or of none; what was set before stays as it is."""
        placed: dict[str, Row] = {}  # by primary key: one statement sets no row twice
        lines: dict[tuple[str, str], Row] = {}
        ended: dict[str, Row] = {}
        for fact in facts:
            match fact:
                case OrderPlaced(placed_at=placed_at) if placed_at is not None:
                    placed[fact.order_id] = _order_row(fact, placed_at)
                    lines |= {(fact.order_id, line.sku): _line_row(fact, line) for line in fact.lines}
                case OrderCompleted():
                    ended[fact.order_id] = (fact.order_id, State.COMPLETED.value, fact.captured, 0)
                case OrderCancelled(refunded=refunded):
                    ended[fact.order_id] = (fact.order_id, State.CANCELLED.value, refunded, refunded)
        self._connection.execute("BEGIN TRANSACTION")
        try:
            for statement, rows in ((PLACED, placed), (LINES, lines), (ENDED, ended)):
                if rows:
                    self._connection.execute(
                        statement, [list(column) for column in zip(*rows.values(), strict=True)]
                    )
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def report(self, first: date, last: date) -> dict[Grouping, list[Figures]]:
        """The figures of the orders that were placed in these days, in every grouping; of one moment.

        Raises:
            ReportTooLarge: they do not fit the memory limit.
        """
        import duckdb  # noqa: PLC0415 (loaded by now)

        self._connection.execute("BEGIN TRANSACTION")
        try:
            return {grouping: self._figures(grouping, first, last) for grouping in Grouping}
        except duckdb.OutOfMemoryException as error:
            raise ReportTooLarge(str(error)) from error
        finally:
            self._connection.execute("ROLLBACK")  # nothing was written

    def rows(self) -> list[Row]:
        """Every row of both tables, in one order."""
        tables = ("orders", "lines")
        return [row for table in tables for row in self._rows(f"FROM {table} ORDER BY ALL")]

    def _figures(self, grouping: Grouping, first: date, last: date) -> list[Figures]:
        query = OF_THEIR_LINES if grouping in OF_LINES else OF_ORDERS
        names = tuple(Figures.__dataclass_fields__)
        rows = self._rows(query.format(key=KEYS.get(grouping, grouping.value)), (first, last))
        return [Figures(**dict(zip(names, row, strict=True))) for row in rows]

    def _rows(self, query: str, parameters: Row = ()) -> list[Row]:
        return self._connection.execute(query, parameters).fetchall()


def _order_row(order: OrderPlaced, placed_at: datetime) -> Row:
    pieces = sum(line.quantity for line in order.lines)
    day = placed_at.astimezone(UTC).date()
    return order.order_id, day, order.currency, order.client, order.coupon.upper(), pieces


def _line_row(order: OrderPlaced, line: Line) -> Row:
    goods = money.percent_off(line.unit_price, line.percent_off) * line.quantity
    return order.order_id, line.sku, line.type, line.brand, line.quantity, goods
