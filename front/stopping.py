"""Stopping once, in order, when the terminal or a supervisor says so."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGINT and SIGTERM end the block, once: what follows is stopping, and not to be disturbed."""

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        for name in STOPPING:
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    for name in STOPPING:
        signal.signal(name, stop)
    try:
        yield
    except KeyboardInterrupt:
        return
