"""Completion in shells: what the project of the current folder has; nothing where there is none."""

import tomllib
from collections.abc import Iterable

from frontispiece.cli.project import Project, find
from frontispiece.errors import ConfigError


def apps(incomplete: str) -> list[str]:
    """The gateway and the apps that have a program."""
    return _beginning(incomplete, (project.programs if (project := _project()) else ()))


def bffs(incomplete: str) -> list[str]:
    """The mounted apps."""
    project = _project()
    return _beginning(
        incomplete, (name for name, app in project.apps.items() if app.mounted) if project else ()
    )


def paths(incomplete: str) -> list[str]:
    """The public paths of routes, as the table's file has them."""
    try:
        table = tomllib.loads(project.routes.read_text(encoding="utf-8")) if (project := _project()) else {}
        return _beginning(incomplete, dict.fromkeys(route["path"] for route in table.get("routes", ())))
    except (OSError, ValueError, KeyError, TypeError):  # front check names what is wrong
        return []


def _project() -> Project | None:
    try:
        return find()
    except ConfigError:  # the same
        return None


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
