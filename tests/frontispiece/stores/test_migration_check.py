"""That migrations make the tables of the models is checked, and the next version is written."""

from collections.abc import Mapping

import pytest

from frontispiece.stores.autogenerate import write_version
from frontispiece.stores.migrations import Migrations, check
from tests.support.migrations import CHECKED, FIRST, RANK, Write, write

__all__ = ["write"]  # a fixture

DIFFERENCES: Mapping[str, tuple[str, dict[str, str], str]] = {
    "a table": (
        "op.create_table('drafts', sa.Column('id', sa.Integer))",
        {},
        "only migrations: table drafts",
    ),
    "a column": ("pass", {"notes": "sa.Column('text', sa.Text),"}, "only models: table notes: column text"),
    "null": (
        "op.add_column('notes', sa.Column('text', sa.Text))",
        {"notes": "sa.Column('text', sa.Text, nullable=False),"},
        "NOT NULL",
    ),
    "an index": (
        "op.create_index('by_author', 'notes', ['author'])",
        {},
        "only migrations: table notes: index",
    ),
    "a check": (
        "pass",
        {"notes": "sa.CheckConstraint('id > 0', name='positive'),"},
        "only models: table notes: check positive",
    ),
    "a key": (
        "pass",
        {"notes": "sa.UniqueConstraint('author'),"},
        "only models: table notes: unique (author)",
    ),
}


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_a_difference_between_models_and_migrations_is_named(
    write: Write, database_url: str, kind: str
) -> None:
    body, columns, sentence = DIFFERENCES[kind]
    postgresql = database_url if database_url.startswith("postgresql") else "sqlite://"

    found = check(write(FIRST, body, **columns), postgresql)

    assert sentence in "\n".join(found)
    assert check(write(FIRST), postgresql) == []


def test_two_versions_of_one_number_are_named(write: Write) -> None:
    migrations = write(FIRST, CHECKED, authors=RANK)
    (migrations.folder / "versions" / "0002_other.py").write_text("")

    assert check(Migrations(migrations.package)) == ["the versions are numbered 0001, 0002, 0002"]


def test_the_next_version_is_written_from_what_the_models_have(write: Write) -> None:
    unique = "sa.UniqueConstraint('author', name='one_note'),"
    migrations = write(FIRST, authors="sa.Column('born', sa.Integer),", notes=unique)

    file = write_version(migrations, "Authors' years")

    assert file == migrations.folder / "versions" / "0002_authors_years.py"
    assert check(Migrations(migrations.package)) == []
    assert write_version(Migrations(migrations.package), "Nothing") is None


def test_the_first_version_is_written_like_any_other(write: Write) -> None:
    migrations = write()

    assert write_version(migrations, "The first tables") is not None
    assert check(Migrations(migrations.package)) == []
