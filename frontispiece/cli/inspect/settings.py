"""The settings of a project's apps: what their factories read, with defaults and where values come from."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from frontispiece.cli.project import Project
from frontispiece.cli.run.environment import DEVELOPMENT
from frontispiece.pages import Bff
from frontispiece.settings import SECRETS, Settings, secret_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Variable:
    """A setting, by the variable that sets it.

    Args:
        default: as the documentation shows it; None where the app needs a value.
        secret: whether its value is never shown.
    """

    name: str
    description: str
    default: str | None
    secret: bool

    def source(self, declared: Mapping[str, str]) -> str:
        """Where its value comes from in this environment."""
        if os.environ.get(self.name):
            return "environment"
        if secret_of(self.name):
            return str(SECRETS / self.name.lower())
        if self.name in declared:
            return "front up"
        return "missing" if self.default is None else "default"

    def value(self, declared: Mapping[str, str]) -> str | None:
        """The value, unless it is secret, in a file, or there is none."""
        source = self.source(declared)
        if self.secret or source.startswith("/"):
            return None
        return {"environment": os.environ.get(self.name), "front up": declared.get(self.name)}.get(
            source, self.default
        )


def declared_variables(project: Project, name: str) -> dict[str, str]:
    """The variables that `front up` sets for an app, with placeholders."""
    return {**DEVELOPMENT, "SERVICES": "the addresses of all apps", **project.declared(name)}


def variables_of(factory: str) -> list[Variable]:
    """The settings that a factory reads: those of its parameter `settings`, or of a BFF.

    None for a factory without such a parameter. A variable that sets several is one, for all of them.
    """
    settings = settings_class(factory)
    found: dict[str, Variable] = {}
    for name, about in settings.variables() if settings else ():
        variable = _variable(name, about)
        if (other := found.get(name)) and variable.description not in other.description:
            variable = replace(variable, description=f"{other.description} {variable.description}".strip())
        found[name] = variable if other is None else replace(variable, secret=variable.secret or other.secret)
    return list(found.values())


def settings_class(factory: str) -> type[Settings] | None:
    """The class of a factory's parameter `settings`, or of a BFF's settings; None without one."""
    module, _, name = factory.partition(":")
    function = getattr(import_module(module), name)
    if isinstance(function, Bff):
        return function.settings_class
    annotation: Any = get_type_hints(function).get("settings")
    kinds = [kind for kind in (*get_args(annotation), annotation) if isinstance(kind, type)]
    return next((kind for kind in kinds if issubclass(kind, Settings)), None)


def _variable(name: str, about: FieldInfo) -> Variable:
    default = None if about.is_required() else _shown(about.get_default(call_default_factory=True))
    return Variable(name=name, description=about.description or "", default=default, secret=not about.repr)


def _shown(value: object) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    return json.dumps(value) if isinstance(value, bool | int | float | dict | list | None) else str(value)
