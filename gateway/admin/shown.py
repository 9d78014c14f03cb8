"""A route table as operators are shown it: in JSON, in the words in which tables are written."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

from gateway.policies import Rate
from gateway.policies.target import Target

UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def shown(value: object) -> Any:  # noqa: PLR0911 (a kind of value a line)
    """Any part of a table; what is left out there and has no default is left out here."""
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case timedelta():
            return duration(value)
        case Rate():
            return f"{value.calls}/{value.unit}"
        case Target():
            return value.service if value.path is None else f"{value.service}:{value.path}"
        case BaseModel():
            fields = type(value).model_fields.items()
            members = {field.alias or name: getattr(value, name) for name, field in fields}
            return {name: shown(member) for name, member in members.items() if member is not None}
        case Mapping():
            return {str(name): shown(member) for name, member in value.items()}
        case list() | tuple():
            return [shown(each) for each in value]
        case set() | frozenset():
            return sorted(shown(each) for each in value)
        case _:
            return str(value)


def duration(value: timedelta) -> str:
    """A time as tables have it: `500ms`, `2s`, `5m`."""
    for unit, size in UNITS.items():
        if value >= size and not value % size:
            return f"{value // size}{unit}"
    seconds = value.total_seconds()
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"
