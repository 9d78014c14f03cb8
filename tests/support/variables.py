"""The environment variables that set up each role of the shop, read off its settings."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import get_args, get_type_hints

from pydantic import BaseModel

from frontispiece.pages import Bff
from frontispiece.settings import Settings
from tests.support.shop import PROJECT

ROLES = PROJECT.factories
"""The factories of the shop's apps, by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """One variable; `default` is written as the documentation shows it, None where the role needs a value."""

    name: str
    default: str | None


def variables(role: str) -> dict[str, Variable]:
    """The variables of a role, by name."""
    return {variable.name: variable for variable in _of(settings_class(role))}


def settings_class(role: str) -> type[Settings]:
    """The settings that a role's factory takes."""
    module, _, name = ROLES[role].partition(":")
    factory = getattr(import_module(module), name)
    if isinstance(factory, Bff):
        return factory.settings_class
    (found,) = set(get_args(get_type_hints(factory)["settings"])) - {type(None)}
    assert isinstance(found, type)
    assert issubclass(found, Settings)
    return found


def _of(settings: type[Settings]) -> Iterator[Variable]:
    prefix = settings.model_config.get("env_prefix", "")
    for field, about in settings.model_fields.items():
        nested = about.annotation
        if isinstance(nested, type) and issubclass(nested, Settings):
            yield from _of(nested)
        else:
            default = None if about.is_required() else _shown(about.get_default(call_default_factory=True))
            yield Variable(name=f"{prefix}{field}".upper(), default=default)


def _shown(value: object) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    return json.dumps(value) if isinstance(value, bool | int | float | dict | list | None) else str(value)
