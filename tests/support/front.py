"""The `front` command, in processes that need not import it: forks of one that has."""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from tests.support.shop import ROOT
from tests.support.waiting import TIMEOUT

POLL_INTERVAL = 0.01


class Command:
    """A `front` that runs, on a wide terminal and with these variables instead of the test's.

    Args:
        arguments: its command line.
        environment: its variables.
        folder: where it runs.
    """

    def __init__(self, arguments: list[str], environment: dict[str, str], folder: Path = ROOT) -> None:
        self._files = tempfile.TemporaryDirectory(prefix="front-output-")
        self._output, self._errors = (Path(self._files.name, name) for name in ("output", "errors"))
        self._printed: tuple[str, str] | None = None
        self.returncode: int | None = None
        self.pid: int = _server().ask(
            {
                "arguments": arguments,
                "environment": {"COLUMNS": "500", **environment},
                "folder": str(folder),
                "output": str(self._output),
                "errors": str(self._errors),
            }
        )

    def poll(self) -> int | None:
        """Its status once it has ended."""
        if self.returncode is None:
            self.returncode = _server().ask({"poll": self.pid})
        return self.returncode

    def communicate(self, timeout: float = TIMEOUT) -> tuple[str, str]:
        """What it has printed, and its errors, once it has ended."""
        if self._printed is not None:
            return self._printed
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            assert time.monotonic() < deadline, "it has not ended"
            time.sleep(POLL_INTERVAL)
        self._printed = self._output.read_text(), self._errors.read_text()
        self._files.cleanup()
        return self._printed

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM, unless it has ended."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command, run to its end in the shop's folder with these variables beside those of the test."""
    return run_in(ROOT, *arguments, **environment)


def run_in(folder: Path, /, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same in another folder."""
    command = Command([*map(str, arguments)], {**os.environ, **environment}, folder)
    output, errors = command.communicate()
    assert command.returncode is not None
    return subprocess.CompletedProcess(arguments, command.returncode, output, errors)


class _Server:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.front_server"],
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "500"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lock = Lock()
        atexit.register(self._stop)

    def ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def _stop(self) -> None:
        self._process.communicate()  # it ends with its input


_server = cache(_Server)
