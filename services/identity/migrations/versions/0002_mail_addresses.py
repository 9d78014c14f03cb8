"""Users are found by their mail address."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Users are found by their mail address."""
    op.create_index("ix_users_email", "users", ["email"], unique=False)
