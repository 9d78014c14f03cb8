"""The databases of a project's apps, and their migration to the code's version."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from frontispiece.cli.project import Project
from frontispiece.cli.run.environment import database_variable
from frontispiece.cli.sections import App
from frontispiece.errors import ConfigError, nearest
from frontispiece.extras import extra

with extra("sql"):
    from sqlalchemy.exc import SQLAlchemyError

    from frontispiece.stores.migrations import (
        Migrations,
        WrongVersion,
        check,
        create_file,
        upgrade,
        without_password,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class AppDatabase:
    """A database of an app, or one of each of its shards: the variable of its URL, and its versions.

    `key` says which one of a shard it is.
    """

    app: str
    variable: str
    migrations: Migrations
    key: str = ""

    def urls(self, project: Project, data: Path) -> list[str]:
        """The URLs of the variable, or of its file in `/run/secrets`, or else SQLite in the data folder.

        Raises:
            ConfigError: its placeholders have values only under `front up`, or it is no JSON of shards.
        """
        value = database_variable(project, self.app, self.variable, data)
        if not self.key:
            return [value]
        try:
            return [str(shard[self.key]) for shard in json.loads(value).values()]
        except (ValueError, LookupError, TypeError, AttributeError):
            raise ConfigError([f"{self.variable} is no JSON of shards, each with {self.key}"]) from None


def databases(project: Project, names: Collection[str] = ()) -> list[AppDatabase]:
    """The databases that have versions, of these apps or of all.

    Raises:
        ConfigError: there is no such app, it has no such database, or a package is missing.
    """
    if unknown := [name for name in names if name not in project.apps]:
        raise ConfigError([f"There is no app {name}{nearest(name, project.apps)}" for name in unknown])
    found = [of for name, app in project.apps.items() if not names or name in names for of in _of(name, app)]
    have = {database.app for database in found}
    if without := [name for name in names if name not in have]:
        missing = "has no database with migrations: `database` of its section names it"
        raise ConfigError([f"{name} {missing}" for name in without])
    return found


def migrate(project: Project, chosen: Sequence[AppDatabase], data: Path) -> Iterator[str]:
    """Migrate databases one after the other; a line for each.

    Raises:
        ConfigError: a URL is not known, or databases could not be migrated; the others are.
    """
    errors = []
    for database, url in [(each, url) for each in chosen for url in each.urls(project, data)]:
        head = database.migrations.head
        try:
            create_file(url)
            before = upgrade(url, database.migrations)
        except (SQLAlchemyError, OSError, WrongVersion) as error:
            reason = str(getattr(error, "orig", error)).strip()
            errors.append(f"{database.app}: {without_password(url)} was not migrated: {reason}")
            continue
        change = f"is of version {head}" if before == head else f"is now of version {head}"
        yield f"{database.app}: {without_password(url)} {change}" + (
            f", was of {before}" if before not in {head, None} else ""
        )
    if errors:
        raise ConfigError(errors)


def differences(chosen: Sequence[AppDatabase]) -> list[str]:
    """How models and migrations differ, on SQLite, a sentence each."""
    return [
        f"{database.app} ({database.variable}{database.key and '.' + database.key}): {difference}"
        for database in chosen
        for difference in check(database.migrations)
    ]


def _of(name: str, app: App) -> Iterator[AppDatabase]:
    for variable, package in app.databases.items():
        if package is not None and (not isinstance(app.database, str) or Migrations.exist(package)):
            yield AppDatabase(app=name, variable=variable, migrations=Migrations(package))
    if app.shards:
        for key, package in app.shards.databases.items():
            yield AppDatabase(app=name, variable=app.shards.variable, migrations=Migrations(package), key=key)
