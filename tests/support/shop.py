"""The whole shop, started as a user starts it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkstemp

import pytest

from frontispiece.cli.pages import login_headers
from frontispiece.cli.project import Project
from shop.demo import PASSWORD

READY_WITHIN = 120.0
LOGS_IN_AGAIN_AFTER = 120.0
"""Seconds, well below the five minutes of an access token."""

ROOT = Path(__file__).parents[2]
PROJECT = Project.load(ROOT)

CHEAP_PASSWORDS = {"IDENTITY_ARGON2_MEMORY_COST": "8", "IDENTITY_ARGON2_TIME_COST": "1"}

LAYOUTS = {"one-process": (), "many-processes": ("--processes",)}

in_both_layouts = pytest.mark.parametrize("layout", LAYOUTS)
"""A test of what may differ between one process and a process for every app; others run in one process."""


@dataclass(frozen=True, kw_only=True)
class RunningShop:
    """A shop that serves.

    Args:
        url: of the gateway.
        process: the process that was started.
        data: its folder.
        output: the file that it prints to.
    """

    url: str
    process: subprocess.Popen[bytes]
    data: Path
    output: Path

    _logins: dict[tuple[str, str], tuple[float, dict[str, str]]] = field(default_factory=dict)

    @property
    def printed(self) -> str:
        """All that it has printed."""
        return self.output.read_text()

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
            headers = dict(login_headers(PROJECT, self.url, user, PASSWORD, session=client == "web"))
            self._logins[client, user] = time.monotonic(), headers
        return headers

    def stop(self) -> float:
        """Press Ctrl-C; returns the seconds until the process has ended."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(READY_WITHIN)
        return time.monotonic() - begun


Shops = Callable[[str], RunningShop]
"""The shop in a layout, running."""


def front(*arguments: str | Path) -> list[str]:
    """The command line of the `front` command."""
    return [sys.executable, "-m", "frontispiece.cli", *map(str, arguments)]


@contextmanager
def running_shop(data: Path, *options: str, **variables: str) -> Iterator[RunningShop]:
    """`front up` on a free port with these variables, ready to serve; stopped at the end at the latest."""
    command = front("up", "--port", "0", "--data", data, *options)
    with started(command, data, {**CHEAP_PASSWORDS, **variables}) as running:
        yield running


@contextmanager
def started(
    command: list[str], data: Path, variables: Mapping[str, str], cwd: Path = ROOT
) -> Iterator[RunningShop]:
    """A command that is `front up`, ready to serve; stopped at the end at the latest."""
    environment = {**os.environ, "COLUMNS": "500", "PYTHONUNBUFFERED": "1", **variables}
    data.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = mkstemp(".printed", dir=data.parent)
    output = Path(name)
    with os.fdopen(descriptor, "wb") as file:  # a pipe that nobody reads would fill up
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        printed = _until(process, output, "Ctrl-C stops everything")
        url = re.search(r"serves at (http://[\d.:]+)", printed)
        assert url is not None, printed
        yield RunningShop(url=url[1], process=process, data=data, output=output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(READY_WITHIN)


def _until(process: subprocess.Popen[bytes], output: Path, sign: str) -> str:
    """What a process prints until this sign."""
    deadline = time.monotonic() + READY_WITHIN
    while True:
        ended = process.poll() is not None
        printed = output.read_text()
        if sign in printed:
            return printed
        assert not ended, f"ended with {process.returncode}:\n{printed}"
        assert time.monotonic() < deadline, f"not ready in time:\n{printed}"
        time.sleep(0.02)
