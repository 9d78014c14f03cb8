"""The whole shop, started as a user starts it."""

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from frontispiece.cli.pages import login_headers
from frontispiece.cli.project import Project
from shop.demo import PASSWORD

READY_WITHIN = 120.0
LOGS_IN_AGAIN_AFTER = 120.0
"""Seconds, well below the five minutes of an access token."""

ROOT = Path(__file__).parents[2]
PROJECT = Project.load(ROOT)


@dataclass(frozen=True, kw_only=True)
class RunningShop:
    """A shop that serves.

    Args:
        url: of the gateway.
        printed: all that it printed until it was ready.
        process: the process that was started.
        data: its folder.
    """

    url: str
    printed: str
    process: subprocess.Popen[bytes]
    data: Path

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
            headers = dict(login_headers(PROJECT, self.url, user, PASSWORD, session=client == "web"))
            self._logins[client, user] = time.monotonic(), headers
        return headers

    def stop(self) -> float:
        """Press Ctrl-C; returns the seconds until the process has ended."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(READY_WITHIN)
        return time.monotonic() - begun


def front(*arguments: str | Path) -> list[str]:
    """The command line of the `front` command."""
    return [sys.executable, "-m", "frontispiece.cli", *map(str, arguments)]


@contextmanager
def running_shop(data: Path, *options: str, **variables: str) -> Iterator[RunningShop]:
    """`front up` on a free port with these variables, ready to serve; stopped at the end at the latest."""
    command = front("up", "--port", "0", "--data", data, *options)
    with started(command, data, variables) as running:
        yield running


@contextmanager
def started(
    command: list[str], data: Path, variables: Mapping[str, str], cwd: Path = ROOT
) -> Iterator[RunningShop]:
    """A command that is `front up`, ready to serve; stopped at the end at the latest."""
    environment = {**os.environ, "COLUMNS": "500", "PYTHONUNBUFFERED": "1", **variables}
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        printed = _until(process, "Ctrl-C stops everything")
        url = re.search(r"http://[\d.:]+", printed)
        assert url is not None
        yield RunningShop(url=url[0], printed=printed, process=process, data=data)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(READY_WITHIN)
        assert process.stdout is not None
        process.stdout.close()


def _until(process: subprocess.Popen[bytes], sign: str) -> str:
    """What a process prints until this sign."""
    assert process.stdout is not None
    printed = ""
    deadline = time.monotonic() + READY_WITHIN
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while sign not in printed:
            assert selector.select(deadline - time.monotonic()), f"not ready in time:\n{printed}"
            piece = os.read(process.stdout.fileno(), 65536)
            assert piece, f"ended with {process.wait()}:\n{printed}"
            printed += piece.decode()
    return printed
