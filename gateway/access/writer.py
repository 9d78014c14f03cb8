"""Writing lines without holding anybody up: a thread writes, and what it cannot take is counted."""

import logging
import os
import sys
from collections import deque
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import msgspec

from gateway.access.settings import STDOUT

log = logging.getLogger(__name__)

MOST_WAITING: Final = 10_000
"""Lines that wait to be written; more are dropped. None is much longer than two kilobytes."""

AT_ONCE: Final = 200
"""Lines that are written together at most."""

GATHERS: Final = 0.05
"""Seconds for which lines gather before they are written together."""

ENDS_WITHIN: Final = 2.0
"""Seconds for what is left when the log is closed."""

MODE: Final = 0o640
"""Who may read a log: its owner's group, and nobody else."""


class Writer:
    """Adds lines of JSON to a file or to the standard output.

    A file that is moved away (as log rotation does) is made anew; lines of several processes do not mix.

    Args:
        where: `stdout` or a path.
        most_waiting: lines beyond which further ones are dropped.
    """

    def __init__(self, where: str, most_waiting: int = MOST_WAITING) -> None:
        self._where = where
        self._most_waiting = most_waiting
        self._lines: deque[Any] = deque()
        self._awake = Event()
        self._closing = Event()
        self._thread = Thread(target=self._write_all, name="access log", daemon=True)
        self._encode = msgspec.json.Encoder().encode
        self._file: int | None = None
        self._failing = False
        self.written = 0
        self.overflowed = 0
        """Lines dropped because too many waited."""
        self.lost = 0
        """Lines dropped because they could not be written."""

    def start(self) -> None:
        """Begin to write.

        Raises:
            OSError: the file cannot be opened.
        """
        self._file = self._open()
        self._thread.start()

    def put(self, line: Any) -> None:
        """Write this soon, or drop and count it."""
        if len(self._lines) >= self._most_waiting:
            self.overflowed += 1
            return
        self._lines.append(line)
        if not self._awake.is_set():
            self._awake.set()

    def stop(self) -> None:
        """Write what is left, unless that takes too long; blocks."""
        self._closing.set()
        self._awake.set()
        if self._thread.is_alive():
            self._thread.join(ENDS_WITHIN)  # it may be in a write that nobody takes: it ends with the process

    def _write_all(self) -> None:
        while self._lines or not self._closing.is_set():
            self._awake.wait()
            self._closing.wait(GATHERS)  # a thread that woke for each line would cost more than the line
            self._awake.clear()
            while lines := self._some():
                try:
                    self._write(b"".join(self._encode(line) + b"\n" for line in lines))
                except OSError as fault:
                    self.lost += len(lines)
                    self._tell(fault)
                else:
                    self.written += len(lines)
                    self._failing = False
        if self._file is not None and self._where != STDOUT:
            os.close(self._file)

    def _some(self) -> list[Any]:
        """Lines that are written together; none when none wait."""
        return [self._lines.popleft() for _ in range(min(AT_ONCE, len(self._lines)))]

    def _write(self, content: bytes) -> None:
        if self._file is None or self._has_moved(self._file):
            if self._file is not None:
                os.close(self._file)
                self._file = None
            self._file = self._open()
        while content:  # a pipe may take only a part
            content = content[os.write(self._file, content) :]

    def _has_moved(self, file: int) -> bool:
        if self._where == STDOUT:
            return False
        try:
            there, here = Path(self._where).stat(), os.fstat(file)
        except FileNotFoundError:
            return True
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def _open(self) -> int:
        if self._where == STDOUT:
            return sys.stdout.fileno()
        return os.open(self._where, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)

    def _tell(self, fault: OSError) -> None:
        """Once, until it works again: the log of faults is not to grow in place of this one."""
        if not self._failing:
            self._failing = True
            log.error("The access log cannot be written: %s", fault)
