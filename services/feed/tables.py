"""The tables of one shard: who follows what, the news of all brands, and the timelines that are written.

`news` and `timelines` are made of facts, a generation at a time: `current` serves, and `building` is the one
that a rebuild makes. Both get what happens meanwhile. Timelines have only news that were fanned out; what was
not is found by its brand.
"""

from typing import Final

import sqlalchemy as sa

from frontispiece.stores import Moment

metadata = sa.MetaData()

ONLY_ROW: Final = 1

follows = sa.Table(
    "follows",
    metadata,
    sa.Column("owner", sa.String(200), primary_key=True),
    sa.Column("brand", sa.String(64), primary_key=True),
    sa.Column("since", sa.BigInteger, nullable=False),  # news with larger ids are the owner's
    sa.Index("follows_by_brand", "brand", "owner", "since"),
    sqlite_with_rowid=False,
)

brands = sa.Table(
    "brands",
    metadata,
    sa.Column("brand", sa.String(64), primary_key=True),
    sa.Column("followers", sa.Integer, nullable=False),
)

readers = sa.Table(
    "readers",
    metadata,
    sa.Column("owner", sa.String(200), primary_key=True),
    sa.Column("read_up_to", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

generations = sa.Table(
    "generations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("current", sa.Integer, nullable=False),
    sa.Column("building", sa.Integer),
    sa.Column("is_complete", sa.Boolean, nullable=False),  # whether a rebuild has ever ended
    sa.Column("place", sa.String(200), nullable=False),  # the buckets whose owners are here
)

news = sa.Table(
    "news",
    metadata,
    sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("fact_id", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("brand", sa.String(64), nullable=False),
    sa.Column("sku", sa.String(64), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("amount", sa.BigInteger),
    sa.Column("amount_before", sa.BigInteger),
    sa.Column("currency", sa.String(3)),
    sa.Column("is_fanned_out", sa.Boolean, nullable=False),
    sa.Column("lead", sa.BigInteger),  # the id of the news in whose line this counts; it has none of its own
    sa.UniqueConstraint("generation", "fact_id"),
    sa.Index("news_by_brand", "generation", "brand", "is_fanned_out", "id"),
    sa.Index("news_by_lead", "generation", "lead"),
    sqlite_with_rowid=False,
)

timelines = sa.Table(
    "timelines",
    metadata,
    sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("owner", sa.String(200), primary_key=True),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
