"""Child processes that are kept running: one that ends by itself is started again."""

import logging
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from frontispiece.server import child_process
from frontispiece.server.child_process import ChildFailed, Process
from frontispiece.server.signals import uninterrupted

log = logging.getLogger(__name__)

MIN_BACKOFF: Final = 0.5
"""Seconds from the first end of a program to its restart; doubled each time it ends again."""

MAX_BACKOFF: Final = 30.0
"""The longest of these delays; a program that ran for so long is taken for healthy, and begins anew."""

Start = Callable[[], Process]
"""Starts a program."""


class Supervisor:
    """Restarts programs that end, with exponential back-off: a warning for each end, in one line.

    Nothing runs in the background: its owner calls `check` while the project starts, `restart` from then on.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._programs: dict[str, _Program] = {}

    @contextmanager
    def running(
        self,
        name: str,
        start: Start,
        *,
        log: Path | None = None,
        sock: socket.socket | None = None,
        stop_timeout: float | None = None,
    ) -> Iterator[None]:
        """A program for the duration of the block.

        Args:
            name: in messages.
            start: starts it, at first and again.
            log: the file that its output goes to.
            sock: a bound socket that it alone listens on: connections are refused while it does not run.
            stop_timeout: see `child_process.stop`.
        """
        program = self._programs[name] = _Program(name, start, log, sock, stop_timeout, self._clock)
        try:
            with uninterrupted():  # a stop in here would leave the program behind
                program.start()
            yield
        finally:
            del self._programs[name]
            program.stop()

    @property
    def processes(self) -> dict[str, Process]:
        """The process of each program that runs, by name."""
        return {name: each.process for name, each in self._programs.items() if each.process is not None}

    def check(self) -> None:
        """Return when every program runs.

        Raises:
            ChildFailed: one has ended.
        """
        for name, process in self.processes.items():
            if (status := process.poll()) is not None:
                raise self._programs[name].failed(f"{name} {_ended(status)}")

    def restart(self) -> None:
        """Start every program again that has ended, once its delay is over."""
        for program in self._programs.values():
            program.restart()

    def replace(self, name: str, process: Process | None) -> None:
        """Stop a program, if it runs, and keep this process running in its place; None for none yet."""
        self._programs[name].replace(process)

    def retire(self, name: str) -> None:
        """Send SIGTERM to a program, which is not started again; it has ended when it has no process."""
        self._programs[name].is_retired = True
        self.terminate([name])

    def terminate(self, names: Iterable[str]) -> None:
        """Send SIGTERM to programs, all at once."""
        for name in names:
            if (process := self.processes.get(name)) is not None:
                child_process.terminate(process)


class _Program:
    def __init__(
        self,
        name: str,
        start: Start,
        log: Path | None,
        sock: socket.socket | None,
        stop_timeout: float | None,
        clock: Callable[[], float],
    ) -> None:
        self.log = log
        self.process: Process | None = None
        """None while it does not run."""
        self.is_retired = False
        self._name = name
        self._start = start
        self._sock = sock
        self._stop_timeout = stop_timeout
        self._clock = clock
        self._backoff = MIN_BACKOFF
        self._started = 0.0
        self._log_start = 0
        """Bytes of the log that earlier runs wrote."""
        self._restart_at = 0.0

    def start(self) -> None:
        self._started = self._clock()
        self._log_start = self.log.stat().st_size if self.log and self.log.is_file() else 0
        self.process = self._start()

    def failed(self, reason: str) -> ChildFailed:
        """Why it failed, with what it wrote since its start."""
        log = self.log if self.log and self.log.is_file() else None
        return ChildFailed(reason, log, self._log_start)

    def stop(self) -> None:
        if self.process is not None:
            child_process.stop(self.process, self._stop_timeout)

    def replace(self, process: Process | None) -> None:
        with uninterrupted():  # a stop in here would leave one of them behind
            self.stop()
            self.process, self._started, self._backoff = process, self._clock(), MIN_BACKOFF

    def restart(self) -> None:
        """Notice that it has ended; start it again when it is time."""
        now = self._clock()
        if self.process is not None:
            if (status := self.process.poll()) is not None:
                self._release(self.process)
                if not self.is_retired:
                    self._report(_ended(status), now)
        elif now >= self._restart_at and not self.is_retired:
            try:
                with uninterrupted():
                    self.start()
            except OSError as error:
                self._report(f"could not be started: {error}", now)

    def _release(self, process: Process) -> None:
        """End what it left behind, which may have its port; refuse connections, which would wait in vain."""
        child_process.signal_group(process, signal.SIGKILL)
        self.process = None
        if self._sock is not None:
            _stop_listening(self._sock)

    def _report(self, what: str, now: float) -> None:
        if now - self._started >= MAX_BACKOFF:
            self._backoff = MIN_BACKOFF
        log.warning("%s", self.failed(f"{self._name} {what}: it is started again in {self._backoff:g} s"))
        self._restart_at = now + self._backoff
        self._backoff = min(MAX_BACKOFF, 2 * self._backoff)


def _stop_listening(sock: socket.socket) -> None:
    """Leave the socket bound to its address, so that the program can listen there again."""
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return  # Linux would shut down all connections that it accepts from then on
    where = sock.getsockname()
    with suppress(OSError):  # on macOS no socket can be made to stop
        sock.shutdown(socket.SHUT_RDWR)
        sock.bind(where)  # Linux frees a port that it had chosen itself, and refuses this for any other


def _ended(status: int) -> str:
    return f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"
