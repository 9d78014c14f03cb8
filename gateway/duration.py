"""How long, as people write it in a table."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field


def _duration(text: object) -> timedelta:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'{text!r} is no duration: write "150ms", "2s" or "5m"')
    return timedelta(seconds=float(match[1]) * {"ms": 0.001, "s": 1, "m": 60}[match[2]])


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0), le=timedelta(minutes=10))]
