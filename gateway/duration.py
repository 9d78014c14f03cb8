"""How long, as people write it in a table."""

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}

_DURATION = re.compile(rf"(\d+(?:\.\d+)?)({'|'.join(SECONDS)})", re.ASCII)


def _duration(text: object) -> timedelta:
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'{text!r} is no duration: write "150ms", "2s" or "5m"')
    try:
        return timedelta(seconds=float(match[1]) * SECONDS[match[2]])
    except OverflowError:
        raise ValueError(f"{text!r} is longer than anything lasts") from None


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0), le=timedelta(minutes=10))]
"""Of a call: at most ten minutes."""

LongDuration = Annotated[
    timedelta, BeforeValidator(_duration), Field(gt=timedelta(0), le=timedelta(days=365))
]
"""Of what outlasts calls: at most a year."""
