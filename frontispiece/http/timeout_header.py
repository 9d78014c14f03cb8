"""The timeout that one hop passes on to the next."""

TIMEOUT_HEADER = b"x-timeout-ms"
"""Milliseconds that the caller waits for the response."""

MAX_DIGITS = 9
"""Up to eleven days."""


def milliseconds(seconds: float) -> bytes:
    """The value of a `TIMEOUT_HEADER`: whole milliseconds, at least one."""
    return b"%d" % (int(seconds * 1000) or 1)


def seconds_of(value: bytes | None) -> float | None:
    """The seconds of a `TIMEOUT_HEADER`; None without a valid one."""
    if value is None or not value.isdigit() or len(value) > MAX_DIGITS:
        return None
    return int(value) / 1000
