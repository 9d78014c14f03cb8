"""A whole project, started as a user starts it, for end-to-end tests."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import Final

READY_TIMEOUT: Final = 150.0
"""Longer than that of `front up`, which says itself what is missing."""
POLL_INTERVAL: Final = 0.02
READY: Final = "Ctrl-C stops everything"


@dataclass(frozen=True, kw_only=True)
class RunningProject:
    """A project that serves.

    Args:
        url: of the gateway.
        process: the process that was started.
        data: its data folder.
        output: the file that it prints to.
    """

    url: str
    process: subprocess.Popen[bytes]
    data: Path
    output: Path

    @property
    def printed(self) -> str:
        """All that it has printed."""
        return self.output.read_text()

    def stop(self) -> float:
        """Press Ctrl-C; returns the seconds until the process has ended."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(READY_TIMEOUT)
        return time.monotonic() - begun


@contextmanager
def running_project(
    folder: Path, data: Path, options: Sequence[str] = (), variables: Mapping[str, str] | None = None
) -> Iterator[RunningProject]:
    """`front up` of the project in `folder` on free ports, ready to serve; stopped at the end.

    Args:
        folder: of frontispiece.toml.
        data: the data folder; its parent gets the file of what is printed.
        options: of `front up`.
        variables: of the environment, beside those of the test.

    Raises:
        AssertionError: it ended or was not ready in time; the message is what it printed.
    """
    ports = ["--port", "0", "--admin-port", "0"]
    command = [sys.executable, "-m", "frontispiece.cli", "up", *ports, "--data", str(data), *options]
    with started(command, data, variables or {}, folder) as running:
        yield running


@contextmanager
def started(
    command: Sequence[str], data: Path, variables: Mapping[str, str], cwd: Path
) -> Iterator[RunningProject]:
    """A command that is `front up`, ready to serve; stopped at the end at the latest."""
    environment = {**os.environ, "COLUMNS": "500", "PYTHONUNBUFFERED": "1", **variables}
    data.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = mkstemp(".printed", dir=data.parent)
    output = Path(name)
    with os.fdopen(descriptor, "wb") as file:  # a pipe that nobody reads would fill up
        process = subprocess.Popen(  # noqa: S603 (the test's own command)
            command, cwd=cwd, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        url = re.search(r"serves at (http://[\d.:]+)", printed := _until_ready(process, output))
        assert url is not None, printed
        yield RunningProject(url=url[1], process=process, data=data, output=output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(READY_TIMEOUT)


def _until_ready(process: subprocess.Popen[bytes], output: Path) -> str:
    deadline = time.monotonic() + READY_TIMEOUT
    while True:
        ended = process.poll() is not None
        printed = output.read_text()
        if READY in printed:
            return printed
        assert not ended, f"ended with {process.returncode}:\n{printed}"
        assert time.monotonic() < deadline, f"not ready in time:\n{printed}"
        time.sleep(POLL_INTERVAL)
