"""The clocks that the platform reads; `frontispiece.testing` moves them on.

Each is a `functools.partial` of the system's clock: tests replace the function
in it, and a read runs no Python code.

Stability: internal.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

Time = TypeVar("Time", int, float)

now = partial(time.time)
"""Seconds since 1970."""
monotonic = partial(time.monotonic)
"""Seconds of the system's monotonic clock."""
monotonic_ns = partial(time.monotonic_ns)
"""The same in whole nanoseconds."""


def set_ahead(seconds: float) -> None:
    """Set all clocks ahead of the system's by this much; for tests."""
    _redirect(now, lambda: time.time() + seconds)
    _redirect(monotonic, lambda: time.monotonic() + seconds)
    _redirect(monotonic_ns, lambda: time.monotonic_ns() + round(seconds * 1e9))


def _redirect(clock: "partial[Time]", read: Callable[[], Time]) -> None:
    clock.__setstate__((read, (), {}, None))  # type: ignore[attr-defined]  # as unpickling does
