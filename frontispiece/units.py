"""How values are written in a route table and in settings: "150ms", "64KiB", text that matches a pattern.

Stability: internal.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

SECONDS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
BYTES: Final = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

_DURATION = re.compile(rf"(\d+(?:\.\d+)?)({'|'.join(SECONDS)})", re.ASCII)
_SIZE = re.compile(rf"(\d{{1,6}})({'|'.join(BYTES)})", re.ASCII)

_WrittenDuration = Annotated[str, Field(pattern=f"^{_DURATION.pattern}$")]
_WrittenSize = Annotated[str, Field(pattern=f"^{_SIZE.pattern}$")]


@dataclass(frozen=True, slots=True)
class Matches:
    """Marks text that matches a pattern as a whole; `meaning` says in words what is allowed."""

    pattern: str
    meaning: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^{self.pattern}$"}

    def _check(self, value: object) -> object:
        if isinstance(value, str) and re.fullmatch(self.pattern, value) is None:
            raise ValueError(f"{value!r} is no {self.meaning}")
        return value


UrlPath = Annotated[str, Matches(r"/[!-~]*", "path: it begins with a slash, and is of ASCII without spaces")]
"""A path of a URL, percent-encoded."""


def _duration(text: object) -> timedelta:
    if isinstance(text, timedelta):  # given by code
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'{text!r} is no duration: write "150ms", "2s" or "5m"')
    try:
        return timedelta(seconds=float(match[1]) * SECONDS[match[2]])
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None


def _size(text: object) -> int:
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'{text!r} is no size: write "512B", "64KiB" or "1MiB"')
    return int(match[1]) * BYTES[match[2]]


_FromText = BeforeValidator(_duration, json_schema_input_type=_WrittenDuration)

Duration = Annotated[timedelta, _FromText, Field(gt=timedelta(0), le=timedelta(minutes=10))]
"""A duration within a call: at most ten minutes."""

LongDuration = Annotated[timedelta, _FromText, Field(gt=timedelta(0), le=timedelta(days=365))]
"""A duration beyond a call, such as a session's: at most a year."""

Size = Annotated[int, BeforeValidator(_size, json_schema_input_type=_WrittenSize), Field(ge=0)]
"""A number of bytes, written as `64KiB`."""


def format_size(size: int) -> str:
    """A number of bytes in the largest unit that divides it."""
    for unit, each in reversed(BYTES.items()):
        if size % each == 0 and size:
            return f"{size // each} {unit}"
    return f"{size} B"
