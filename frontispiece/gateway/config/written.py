"""A route table as JSON, in the keys and the notation of its TOML file."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

from frontispiece.gateway.config.target import Target
from frontispiece.gateway.policies.rate_limit.config import Rate

_UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def to_json(value: object) -> Any:  # noqa: PLR0911 (a kind of value a line)
    """Any part of a table, in the notation of its file; what has neither value nor default is left out."""
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case timedelta():
            return _duration(value)
        case Rate():
            return f"{value.calls}/{value.unit}"
        case Target():
            return str(value)
        case BaseModel():
            fields = type(value).model_fields.items()
            members = {field.alias or name: getattr(value, name) for name, field in fields}
            return {name: to_json(member) for name, member in members.items() if member is not None}
        case Mapping():
            return {str(name): to_json(member) for name, member in value.items()}
        case list() | tuple():
            return [to_json(each) for each in value]
        case _:
            return str(value)


def _duration(value: timedelta) -> str:
    """A duration as tables have it: `500ms`, `2s`, `5m`."""
    for unit, size in _UNITS.items():
        if value >= size and not value % size:
            return f"{value // size}{unit}"
    seconds = value.total_seconds()
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"
