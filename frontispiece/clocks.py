"""The clocks that the platform reads; `frontispiece.testing` moves them on.

Stability: internal.
"""

import time

_ahead = 0.0


def now() -> float:
    """Seconds since 1970."""
    return time.time() + _ahead


def monotonic() -> float:
    """Seconds from some moment on, which go on evenly."""
    return time.monotonic() + _ahead


def monotonic_ns() -> int:
    """The same in whole nanoseconds."""
    return time.monotonic_ns() + round(_ahead * 1e9)


def advance(seconds: float) -> None:
    """Move all of them on; for tests."""
    global _ahead  # noqa: PLW0603 (one clock, as the process has one)
    _ahead += seconds
