"""Programs that run beside this process and end with it."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

from frontispiece.errors import UserError
from frontispiece.server import parent_death
from frontispiece.server.signals import uninterrupted

STOP_TIMEOUT = 3.0
"""Seconds that a program has to end by itself before it is killed."""

POLL_INTERVAL = 0.02
"""Seconds between two checks that a program, or its process group, has ended."""


class Fork:
    """A child process that was forked, with the methods of a `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its status once it has ended, or minus the signal that ended it."""
        if self.returncode is None:
            with suppress(ChildProcessError):  # a signal's handler was faster
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its status when it has ended; raises `subprocess.TimeoutExpired` after so many seconds."""
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(POLL_INTERVAL)
        return status

    def send_signal(self, number: int, /) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # `poll` is at it: this is a signal's handler
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        self.send_signal(signal.SIGKILL)


Process = subprocess.Popen[bytes] | Fork


class ChildFailed(UserError):
    """A program ended, or was not ready in time; the message quotes the end of its log.

    Args:
        reason: what happened.
        log: its log, if it has one.
        start: how long the log was, in bytes, when the program was started.
    """

    def __init__(self, reason: str, log: Path | None = None, start: int = 0) -> None:
        super().__init__(reason + (_end(log, start) if log is not None else ""))


def _end(log: Path, start: int) -> str:
    """The last lines of a program's log, as the end of a message."""
    with log.open("rb") as lines:
        lines.seek(start)
        last = b"".join(deque(lines, maxlen=12)).decode(errors="replace").strip()
    return f"; the end of {log}:\n{last}" if last else f"; it wrote nothing to {log}"


@contextmanager
def running(
    command: Sequence[str | Path], *, stop_timeout: float | None = None, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A child process for the duration of the block; see `start` for `options`, and `stop` for its end."""
    process: subprocess.Popen[bytes] | None = None
    try:
        with uninterrupted():  # a stop in here would leave the program behind
            process = start(command, **options)
        yield process
    finally:
        if process is not None:
            stop(process, stop_timeout)


def start(
    command: Sequence[str | Path],
    *,
    log: Path | None = None,
    pass_fds: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
    base: Mapping[str, str] | None = None,
    folder: Path | None = None,
    foreign: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a child process; on Linux it ends when this process is killed, too.

    The terminal's Ctrl-C does not reach the child. Its log, and all files that it creates, are this user's
    alone. Call this in a thread that lasts as long as the child: the kernel takes the end of that thread for
    the end of the parent.

    Args:
        command: the program, by path, and its arguments.
        log: the file that its output is appended to; None prints where this process does.
        pass_fds: open files that it inherits, such as a lock.
        environment: variables beside, or instead of, those of `base`.
        base: the variables that it inherits; those of this process when left out.
        folder: where it runs.
        foreign: whether it may start programs of its own: they, too, end when this process is killed, for
            which a small process stays beside it.
    """
    launcher = [
        sys.executable,
        "-I",
        "-S",
        parent_death.__file__,
        str(os.getpid()),
        "group" if foreign else "self",
    ]
    with log_file(log) as output:
        return subprocess.Popen(  # noqa: S603 (the command is the project's own)
            [*launcher, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if log else None,
            pass_fds=pass_fds,
            env={**(os.environ if base is None else base), **(environment or {})},
            cwd=folder,
            start_new_session=True,
            umask=0o077,
        )


@contextmanager
def log_file(path: Path | None) -> Iterator[IO[bytes] | None]:
    """The log of a child process, open for appending; None when it has none."""
    if path is None:
        yield None
        return
    with open(path, "ab", opener=partial(os.open, mode=0o600)) as file:
        yield file


def terminate(process: Process) -> None:
    """Send SIGTERM to a program and to those that it started in its process group."""
    signal_group(process, signal.SIGTERM)


def stop(process: Process, timeout: float | None = None) -> None:
    """End a program and its process group: by SIGTERM, and by SIGKILL after so many seconds.

    Args:
        process: the program.
        timeout: seconds that the group has to end by itself; `STOP_TIMEOUT` when left out.
    """
    timeout = STOP_TIMEOUT if timeout is None else timeout
    deadline = time.monotonic() + timeout
    terminate(process)
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        pass
    else:
        while signal_group(process, 0) and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL)
    signal_group(process, signal.SIGKILL)
    process.wait()


def signal_group(process: Process, number: int) -> bool:
    """Send a signal to a program's group; whether there is a process to receive it."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS answers the latter when only zombies are left
        return False
    return True
