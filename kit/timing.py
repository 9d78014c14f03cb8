"""How long an answer is waited for, as one hop tells the next."""

TIMEOUT_HEADER = b"x-timeout-ms"
"""Tells a service how many milliseconds its caller waits for the answer."""

MOST_DIGITS = 9
"""Nobody waits for more than eleven days."""


def milliseconds(seconds: float) -> bytes:
    """Seconds as a `TIMEOUT_HEADER` has them: whole milliseconds, at least one."""
    return b"%d" % max(1, int(seconds * 1000))


def seconds_of(value: bytes | None) -> float | None:
    """The seconds that a `TIMEOUT_HEADER` tells; None when it tells none."""
    if value is None or not value.isdigit() or len(value) > MOST_DIGITS:
        return None
    return int(value) / 1000
