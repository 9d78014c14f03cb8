"""Files of SQLite databases that are not there: commands of an operator make no new ones."""

from collections.abc import Iterable
from pathlib import Path

from frontispiece.errors import ConfigError


def missing_file(database_url: str) -> Path | None:
    """The file of an SQLite database, unless it is there."""
    from sqlalchemy import make_url  # noqa: PLC0415 (other commands start faster without)

    url = make_url(database_url)
    file = Path(url.database or "")
    return file if url.get_backend_name() == "sqlite" and not file.exists() else None


def expect_files(database_urls: Iterable[str]) -> None:
    """Return when the files of all SQLite databases are there.

    Raises:
        ConfigError: one is not; opened, it would be a new one.
    """
    for url in database_urls:
        if file := missing_file(url):
            raise ConfigError([f"There is no {file}: front up makes it, --data DIR names another folder."])
