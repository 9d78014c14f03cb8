"""The read model recognises the log that it is made of."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """When the last event was stored that the tables have seen."""
    op.add_column("generations", sa.Column("recorded_at", sa.BigInteger(), nullable=True))
