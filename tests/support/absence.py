"""Databases that are away for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from tests.support.postgres import Postgres


@contextmanager
def file_away(url: str) -> Iterator[None]:
    """The file of an SQLite database, which is closed, cannot be opened for the duration of the block."""
    path = Path(make_url(url).database or "")
    aside = path.with_suffix(".aside")
    if path.exists():
        path.rename(aside)
    path.mkdir()
    yield
    path.rmdir()
    if aside.exists():
        aside.rename(path)


@contextmanager
def database_away(postgres: Postgres, url: str) -> Iterator[None]:
    """A database of a PostgreSQL server accepts nobody for the duration of the block."""
    name = make_url(url).database
    rename(postgres, f"{name}", f"{name}_aside")
    yield
    rename(postgres, f"{name}_aside", f"{name}")


def rename(postgres: Postgres, name: str, new_name: str) -> None:
    """Rename a database of a PostgreSQL server, whoever is connected to it."""
    with postgres.connect("postgres") as server:
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        server.execute(f"ALTER DATABASE {name} RENAME TO {new_name}")
