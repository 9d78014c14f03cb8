"""The tables of ordering's read model: two sets, of which one is live while the other may be rebuilt."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from frontispiece.stores import Moment

metadata = sa.MetaData()


class State(StrEnum):
    """Whether a set of tables serves, is being built, or was replaced."""

    LIVE = "live"
    BUILDING = "building"
    RETIRED = "retired"


generations = sa.Table(
    "generations",
    metadata,
    sa.Column("name", sa.String(8), primary_key=True),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),  # of the last event that its tables have seen
    sa.Column("recorded_at", Moment),  # of that event
    sa.Column("projection", sa.Integer, nullable=False),  # of the code that made them
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Generation:
    """One set of tables: orders for lists, orders in full, totals a day (in UTC), and what was sold on it."""

    name: str
    summaries: sa.Table
    details: sa.Table
    totals: sa.Table
    sold: sa.Table

    @property
    def tables(self) -> tuple[sa.Table, ...]:
        """All of them."""
        return self.summaries, self.details, self.totals, self.sold


_STUCK: Final = sa.text("is_stuck")  # there are few


def _generation(name: str) -> Generation:
    summaries = sa.Table(
        f"order_summaries_{name}",
        metadata,
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("placed_at", Moment, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("pieces", sa.Integer, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("is_stuck", sa.Boolean, nullable=False),
        sa.Column("bucket", sa.SmallInteger, nullable=False, index=True),
        sa.Index(f"order_summaries_{name}_of_owner", "owner", "placed_at", "id"),
        sa.Index(f"order_summaries_{name}_newest", "placed_at", "id"),
        sa.Index(f"order_summaries_{name}_stuck", "id", sqlite_where=_STUCK, postgresql_where=_STUCK),
    )
    details = sa.Table(
        f"order_details_{name}",
        metadata,
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),  # an `OrderView` in JSON
        sa.Column("bucket", sa.SmallInteger, nullable=False, index=True),
    )
    totals = sa.Table(
        f"day_totals_{name}",
        metadata,
        sa.Column("day", sa.String(10), primary_key=True),  # 2026-11-29
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("bucket", sa.SmallInteger, primary_key=True),
        *(sa.Column(count, sa.Integer, nullable=False) for count in COUNTS),
        sa.Column("revenue", sa.BigInteger, nullable=False),  # of completed orders, in minor units
    )
    sold = sa.Table(
        f"day_products_{name}",
        metadata,
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("sku", sa.String(64), primary_key=True),
        sa.Column("bucket", sa.SmallInteger, primary_key=True),
        sa.Column("pieces", sa.Integer, nullable=False),  # of orders that were placed on that day
    )
    return Generation(name=name, summaries=summaries, details=details, totals=totals, sold=sold)


COUNTS: Final = ("placed", "confirmed", "completed", "cancelled")
"""The columns of totals that count orders which came to this stage on that day."""

COUNTED: Final = (*COUNTS, "revenue")
"""The columns of totals that are added up."""

GENERATIONS: Final = {name: _generation(name) for name in ("blue", "green")}
"""The sets of tables by name."""
