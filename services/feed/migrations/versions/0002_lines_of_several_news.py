"""News that count in the line of others."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """A column and an index; news of before have lines of their own."""
    op.add_column("news", sa.Column("lead", sa.BigInteger(), nullable=True))
    op.create_index("news_by_lead", "news", ["generation", "lead"], unique=False)
