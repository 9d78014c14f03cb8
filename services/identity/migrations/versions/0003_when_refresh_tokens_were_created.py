"""Refresh tokens have the time at which they were created."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Refresh tokens have the time at which they were created."""
    op.add_column("refresh_tokens", sa.Column("created_at", sa.Double(), nullable=False, server_default="0"))
