"""The store where a parcel is picked up."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """The name of the store; empty for all that was shipped before."""
    op.add_column("shipments", sa.Column("store", sa.String(length=200), nullable=False, server_default=""))
