"""Writes lines in a thread, so that no request waits; lines that it cannot take are dropped and counted."""

import logging
import os
import sys
from collections import deque
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import msgspec

log = logging.getLogger(__name__)

STDOUT: Final = "stdout"

MAX_WAITING: Final = 10_000
"""Lines that wait to be written; further ones are dropped. A line has about two kilobytes at most."""

BATCH_SIZE: Final = 200
"""Lines of one write at most."""

BATCH_DELAY: Final = 0.05
"""Seconds that the thread waits for more lines before it writes."""

CLOSE_TIMEOUT: Final = 2.0
"""Seconds to write what is left when the log is closed."""

MODE: Final = 0o600
"""The permissions of a new file: only its owner may read it."""


class LineWriter:
    """Adds lines of JSON to a file or to the standard output.

    A file that has been moved (log rotation) is opened anew; lines of several processes do not mix.
    """

    def __init__(self, where: str) -> None:
        self._where = where
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
        """Queue a line, or drop and count it."""
        if len(self._lines) >= MAX_WAITING:
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
            self._thread.join(CLOSE_TIMEOUT)  # a write may block for ever: it ends with the process

    def _write_all(self) -> None:
        while self._lines or not self._closing.is_set():
            self._awake.wait()
            self._closing.wait(BATCH_DELAY)  # a thread that woke for each line would cost more than the line
            self._awake.clear()
            while lines := [self._lines.popleft() for _ in range(min(BATCH_SIZE, len(self._lines)))]:
                try:
                    self._write(b"".join(self._encode(line) + b"\n" for line in lines))
                except OSError as fault:
                    self.lost += len(lines)
                    self._log_failure(fault)
                else:
                    self.written += len(lines)
                    self._failing = False
        if self._file is not None and self._where != STDOUT:
            os.close(self._file)

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

    def _log_failure(self, fault: OSError) -> None:
        """Once, until writing works again: the log of errors shall not grow in place of this one."""
        if not self._failing:
            self._failing = True
            log.error("The access log cannot be written: %s", fault)
