"""Programs that run beside the shop and end with it."""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from front import tied

STOPS_WITHIN = 3.0
"""Seconds that a program has to end by itself before it is killed."""


class ChildFailed(Exception):
    """A program ended, or did not get ready in time; the message quotes the end of its log."""

    def __init__(self, what: str, log: Path) -> None:
        with log.open(encoding="utf-8", errors="replace") as lines:
            last = "".join(deque(lines, maxlen=12)).strip()
        super().__init__(f"{what}; the end of {log}:\n{last or '(nothing)'}")


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    log: Path | None = None,
    pass_fds: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
    stops_within: float = STOPS_WITHIN,
) -> Iterator[subprocess.Popen[bytes]]:
    """A child process that lasts as long as the block, or this process: killed, it takes the child along.

    The latter holds on Linux. The terminal's Ctrl-C does not reach the child. Enter the block in a thread
    that lasts as long as the block: the kernel takes the end of that thread for the end of the parent.

    Args:
        command: the program, by path, and its arguments.
        log: the file that what it prints is added to; None prints where this process does.
        pass_fds: open files that it keeps open too, such as a lock.
        environment: variables that it has besides, or instead of, those of this process.
        stops_within: seconds that it has to end by itself before it is killed.
    """
    launcher = [sys.executable, "-I", "-S", tied.__file__, str(os.getpid())]
    with ExitStack() as opened:
        output = opened.enter_context(log.open("ab")) if log else None
        process = subprocess.Popen(  # noqa: S603 (the command is the shop's own)
            [*launcher, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if log else None,
            pass_fds=pass_fds,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process, stops_within)


def _stop(process: subprocess.Popen[bytes], within: float) -> None:
    process.terminate()
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
