"""The whole shop, started as a user starts it."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from frontispiece.cli.project import Project
from frontispiece.login.flow import login_headers
from frontispiece.testing import RunningProject, running_project
from shop.demo import PASSWORD

LOGS_IN_AGAIN_AFTER = 120.0
"""Seconds, well below the five minutes of an access token."""

ROOT = Path(__file__).parents[2]
PROJECT = Project.load(ROOT)

CHEAP_RUN = {
    "IDENTITY_ARGON2_MEMORY_COST": "8",
    "IDENTITY_ARGON2_TIME_COST": "1",
    "OTEL_SDK_DISABLED": "true",  # traces cost half as much again; "" for a run that has them
}

LAYOUTS = {"one-process": (), "many-processes": ("--processes",)}

in_both_layouts = pytest.mark.parametrize("layout", LAYOUTS)
"""A test of what may differ between one process and a process for every app; others run in one process."""


@dataclass(frozen=True, kw_only=True)
class RunningShop(RunningProject):
    """The shop, running; demo users log in once."""

    _logins: dict[tuple[str, str], tuple[float, dict[str, str]]] = field(default_factory=dict)

    def phone(self, user: str) -> dict[str, str]:
        """The headers of a demo user who has logged in on a phone."""
        return self.logged_in("mobile", user)

    def browser(self, user: str) -> dict[str, str]:
        """The headers of a demo user who has logged in in a browser."""
        return self.logged_in("web", user)

    def logged_in(self, client: str, user: str) -> dict[str, str]:
        """The headers of a demo user who has logged in by this client, not long ago."""
        since, headers = self._logins.get((client, user), (float("-inf"), {}))
        if time.monotonic() > since + LOGS_IN_AGAIN_AFTER:
            login = PROJECT.login
            assert login is not None, "the shop has one"
            is_web = client == "web"
            login = login if is_web else login.by(client)
            headers = dict(login_headers(self.url, login, user, PASSWORD, session=is_web))
            self._logins[client, user] = time.monotonic(), headers
        return headers


def database_variables(new_database: Callable[[], str]) -> dict[str, str]:
    """The variables of all databases of the shop, each with a new one."""
    variables = {variable: new_database() for app in PROJECT.apps.values() for variable in app.databases}
    for app in PROJECT.apps.values():
        if app.shards:
            urls = {name: {key: new_database() for key in app.shards.databases} for name in app.shards.names}
            variables[app.shards.variable] = json.dumps(urls)
    return variables


Shops = Callable[..., RunningShop]
"""The shop in a layout, running; further variables are those of its next start."""


def front(*arguments: str | Path) -> list[str]:
    """The command line of the `front` command."""
    return [sys.executable, "-m", "frontispiece.cli", *map(str, arguments)]


@contextmanager
def running_shop(data: Path, *options: str, **variables: str) -> Iterator[RunningShop]:
    """`front up` on a free port with these variables, ready to serve; stopped at the end at the latest."""
    with running_project(ROOT, data, options, {**CHEAP_RUN, **variables}) as running:
        yield RunningShop(url=running.url, process=running.process, data=data, output=running.output)
