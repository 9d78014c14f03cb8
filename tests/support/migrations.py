"""Packages with the versions of a database, that tests make up."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from frontispiece.stores.migrations import Migrations

MODELS = """
import sqlalchemy as sa

metadata = sa.MetaData()
authors = sa.Table(
    "authors",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(20), nullable=False),{authors}
)
notes = sa.Table(
    "notes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("author", sa.ForeignKey("authors.id", ondelete="CASCADE"), nullable=False),{notes}
)
"""

VERSION = """
import sqlalchemy as sa
from alembic import op

revision = "{number}"
down_revision = {before}


def upgrade():
    {body}
"""

FIRST = """op.create_table(
        "authors",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(20), nullable=False),
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("author", sa.Integer, sa.ForeignKey("authors.id", ondelete="CASCADE"), nullable=False),
    )"""

CHECKED = """with op.batch_alter_table("authors") as batch:
        batch.add_column(sa.Column("rank", sa.Integer, nullable=False, server_default="1"))
        batch.create_check_constraint("rank_is_positive", "rank > 0")"""

RANK = """
    sa.Column("rank", sa.Integer, nullable=False, server_default="1"),
    sa.CheckConstraint("rank > 0", name="rank_is_positive"),"""

Write = Callable[..., Migrations]

_numbers = itertools.count()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """`write(FIRST, CHECKED, authors=RANK)`: a package with these versions, and models with these columns."""
    monkeypatch.syspath_prepend(tmp_path)

    def written(*bodies: str, authors: str = "", notes: str = "") -> Migrations:
        package = tmp_path / f"migrations_{next(_numbers)}"
        (package / "versions").mkdir(parents=True)
        (package / "__init__.py").write_text(MODELS.format(authors=authors, notes=notes))
        for number, body in enumerate(bodies, 1):
            before = repr(f"{number - 1:04}") if number > 1 else None
            text = VERSION.format(number=f"{number:04}", before=before, body=body)
            (package / "versions" / f"{number:04}_change.py").write_text(text)
        return Migrations(package.name)

    return written
