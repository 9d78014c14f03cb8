"""Dates of header fields (RFC 9110, 5.6.7)."""

import re
from calendar import timegm
from datetime import date
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from frontispiece import clocks
from frontispiece.http.memo import Memo

MAX_RETRY_AFTER: Final = 1e9
"""Seconds; a longer `Retry-After` counts as this one."""

MAX_LENGTH: Final = 64
"""Bytes of a field beyond which it is no date."""

_MONTHS: Final = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)  # noqa: SIM905 (reads best)
}
_MONTH = f"({'|'.join(_MONTHS)})"
_TIME = r"(\d\d):(\d\d):(\d\d)"
_FLAGS: Final = re.ASCII | re.IGNORECASE
_FIXED = re.compile(rf"[a-z]{{3}}, (\d\d) {_MONTH} (\d{{4}}) {_TIME} GMT", _FLAGS)
_RFC850 = re.compile(rf"[a-z]{{6,9}}, (\d\d)-{_MONTH}-(\d\d) {_TIME} GMT", _FLAGS)
_ASCTIME = re.compile(rf"[a-z]{{3}} {_MONTH} ([ \d]\d) {_TIME} (\d{{4}})", _FLAGS)


def parse_date(value: bytes | None) -> int | None:
    """An HTTP date, in any of its three forms, in seconds since the epoch; None when it is none.

    Its letters are compared without their case (RFC 9111, 4.2). The calendar has no year 0.
    """
    return None if value is None or len(value) > MAX_LENGTH else _SECONDS[value]


def _parse(value: bytes) -> int | None:
    text = value.decode("latin-1").strip()
    if match := _FIXED.fullmatch(text):
        day, month, year, *clock = match.groups()
    elif match := _RFC850.fullmatch(text):
        day, month, short, *clock = match.groups()
        year = f"20{short}" if int(short) < 70 else f"19{short}"  # noqa: PLR2004 (RFC 9110, 5.6.7)
    elif match := _ASCTIME.fullmatch(text):
        month, day, *clock, year = match.groups()
    else:
        return None
    hour, minute, second = map(int, clock)
    if hour >= 24 or minute >= 60 or second > 60:  # noqa: PLR2004 (a day's, with a leap second)
        return None
    try:
        midnight = date(int(year), _MONTHS[month.title()], int(day))
    except ValueError:
        return None
    return timegm((*midnight.timetuple()[:3], hour, minute, second))


_SECONDS: Final = Memo(_parse)


def retry_after(value: bytes | None) -> float | None:
    """The seconds of a `Retry-After`, also of one that is a date; None without one, and for junk."""
    if value is not None and value.isdigit():
        return min(float(value), MAX_RETRY_AFTER)
    date = parse_date(value)
    return None if date is None else date - clocks.now()


@lru_cache(maxsize=64)
def http_date(seconds: int) -> bytes:
    """Seconds since the epoch as an HTTP date."""
    return formatdate(seconds, usegmt=True).encode()
