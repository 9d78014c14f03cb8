"""Signal dispositions, and stopping at SIGINT and SIGTERM."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def reset_dispositions() -> None:
    """Set the dispositions that this program relies on, whatever its parent left.

    A shell ignores SIGINT in background jobs, and an ignored SIGCHLD hides the exit status of children.
    SIGHUP stays: `nohup` ignores it on purpose.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


class Stop(SystemExit):
    """Ends a stoppable block; event loops pass it on.

    Not a KeyboardInterrupt: after one that passed through `exec` of a text, as dataclasses use it, CPython
    ends the process by SIGINT although it was caught.
    """


@contextmanager
def stoppable() -> Iterator[None]:
    """End the block at the first SIGINT or SIGTERM; later ones are ignored while it cleans up."""

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        for name in STOP_SIGNALS:
            signal.signal(name, signal.SIG_IGN)
        raise Stop

    for name in STOP_SIGNALS:
        signal.signal(name, stop)
    try:
        yield
    except Stop:
        return


@contextmanager
def stop_signals(*, stop: Callable[[], object], force_stop: Callable[[], object]) -> Iterator[None]:
    """Stop at SIGINT or SIGTERM, at once at a SIGINT after that; the process ends by the signals it got."""
    received: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            force_stop()
        else:
            stop()
        received.append(number)

    before = {name: signal.signal(name, handle) for name in STOP_SIGNALS}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    for number in reversed(received):
        signal.raise_signal(number)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Postpone SIGINT and SIGTERM to the end of the block; only in the main thread can they interrupt it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = {
        name: signal.signal(name, lambda number, _frame: received.append(number)) for name in STOP_SIGNALS
    }
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
        for number in received:
            signal.raise_signal(number)
