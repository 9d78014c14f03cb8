"""frontispiece.toml: all that `front` knows of a project."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, ValidationError
from pydantic_core import ErrorDetails

from frontispiece.cli.sections import (
    App,
    ContractsFolder,
    Demo,
    Environment,
    Factory,
    Gateway,
    Import,
    Name,
    Section,
)
from frontispiece.errors import ConfigError, in_words, nearest
from frontispiece.gateway.config.layers import LayerDeclaration
from frontispiece.gateway.config.source import Lines, Loc, read
from frontispiece.login.config import Login
from frontispiece.server import GATEWAY
from frontispiece.settings import PROJECT_FILE, nearest_project

PLACEHOLDER: Final = re.compile(r"\$\{([^{}]*)\}")


class Project(Section):
    """A project.

    Raises:
        ConfigError: by `load`, with every error of the file.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    apps: dict[Name, App] = Field(default={}, description="The apps behind the gateway, by name.")
    gateway: Gateway = Field(default=Gateway(), description="The gateway.")
    secrets: tuple[Name, ...] = Field(
        (), description="Names of random secrets (32 bytes, base64url) for `${secrets.NAME}`."
    )
    environment: Environment = Field(
        default={}, description="Variables of every app; its own replace them. The gateway has only its own."
    )
    commands: dict[Name, Factory] = Field(
        default={},
        description="Its own commands: `module:attribute` of a `typer.Typer`, by name.",
    )
    login: Login | None = Field(None, description="For `front login`.")
    import_: Import | None = Field(None, alias="import", description="For `front import`.")
    contracts: ContractsFolder | None = Field(None, description="For `front contracts`.")
    demo: Demo = Field(default=Demo(), description="For `front up`.")
    lines: SkipValidation[Lines] = Field(exclude=True, description="Where its keys stand.")
    folder: Path = Field(exclude=True, description="The folder of the file: modules are imported from it.")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The project in a folder.

        Raises:
            ConfigError: its file cannot be read, or has errors.
        """
        file = folder / PROJECT_FILE
        text, document = read(file, "front init DIR writes one, --project DIR names the folder of another")
        lines = Lines(text)
        for own in {"folder", "lines"} & document.keys():
            raise ConfigError([f"{file}{_line(lines, (own,))}: {own}: unknown key"])
        try:
            project = cls.model_validate({**document, "folder": folder.resolve(), "lines": lines})
        except ValidationError as invalid:
            errors = [f"{file}{_line(lines, error['loc'])}: {_sentence(error)}" for error in invalid.errors()]
            raise ConfigError(errors) from None
        if errors := list(project.conflicts()):
            raise ConfigError([project.located(error) for error in errors])
        return project

    def located(self, error: str) -> str:
        """An error that begins with the place of a key, such as `apps.web.factory`, with file and line."""
        place = tuple(error.partition(": ")[0].split("."))
        return f"{self.folder / PROJECT_FILE}{_line(self.lines, place)}: {error}"

    @property
    def routes(self) -> Path:
        """The file of the route table."""
        return self.folder / self.gateway.routes

    @property
    def layers(self) -> Path | None:
        """The file that declares layers of its own; None without any."""
        return self.folder / PROJECT_FILE if self.gateway.layers else None

    @property
    def programs(self) -> dict[str, App | Gateway]:
        """The apps that `front serve` can run, by name; the gateway is last."""
        return {**{name: app for name, app in self.apps.items() if app.program}, GATEWAY: self.gateway}

    @property
    def factories(self) -> dict[str, str]:
        """The factories of all ASGI apps, by name; the gateway's is last."""
        apps = {name: app.factory for name, app in self.apps.items() if app.factory}
        return {**apps, GATEWAY: self.gateway.factory}

    def declared(self, name: str) -> dict[str, str]:
        """The variables of an app or the gateway, with placeholders; an app's own win."""
        app = self.programs[name]
        variables = dict(self.environment) if isinstance(app, App) else {}
        for number, variable in enumerate(app.databases if isinstance(app, App) else ()):
            file = variable.lower().removesuffix("_database_url") if number else name
            variables[variable] = f"sqlite:///${{data}}/{file}.db"
        if isinstance(app, App) and app.shards:
            variables[app.shards.variable] = json.dumps(app.shards.urls(name))
        if app.signing_key:
            variables[app.signing_key] = f"${{signing_keys.{app.signing_key}}}"
        return variables | app.environment

    @property
    def signers(self) -> dict[str, str]:
        """The variables of signing keys, by the name of the app that signs with it."""
        return {name: app.signing_key for name, app in self.programs.items() if app.signing_key}

    def conflicts(self) -> Iterator[str]:
        """The conflicts between keys that are valid by themselves."""
        taken = set(self.apps)
        for name, app in self.apps.items():
            place = f"apps.{name}"
            if name == GATEWAY:
                yield f"{place}: the gateway has a section of its own, [gateway]"
            if sum(kind is not None for kind in (app.factory, app.command, app.url)) != 1:
                yield f"{place}: an app has exactly one of factory, command and url: leave one"
            if app.mounted and not app.factory:
                yield f"{place}: only an app with a factory can be mounted: leave mounted out"
            for extra in app.addresses:
                if extra in taken:
                    yield f"{place}.addresses: {extra} is taken"
                taken.add(extra)
        yield from self._placeholder_errors()
        yield from self._shared_variables()

    def _placeholder_errors(self) -> Iterator[str]:
        known = {"origin", "project", "data", "run", "port", "valkey", "nats", "nats.monitor", "issuers"}
        known |= {f"apps.{name}.url" for name, app in self.apps.items() if not app.mounted}
        known |= {f"secrets.{name}" for name in self.secrets}
        for place, text, allowed in self._texts(known):
            for found in PLACEHOLDER.findall(text):
                if found not in allowed:
                    yield f"{place}: unknown placeholder ${{{found}}}{nearest(found, allowed)}"

    def _texts(self, known: set[str]) -> Iterator[tuple[str, str, set[str]]]:
        """Every text that may hold placeholders, with its place and those that it may hold."""
        for key, text in self.environment.items():
            yield f"environment.{key}", text, known
        for key, text in self.gateway.environment.items():
            yield f"gateway.environment.{key}", text, known
        for name, app in self.apps.items():
            place = f"apps.{name}"
            for key, text in app.environment.items():
                yield f"{place}.environment.{key}", text, known
            for key, text in app.addresses.items():
                yield f"{place}.addresses.{key}", text, {"run"}
            for number, text in enumerate(app.command or ()):
                yield f"{place}.command.{number}", text, known
            yield f"{place}.url", app.url or "", set()
        yield "demo.hints", self.demo.hints, {"origin", "data"}

    def _shared_variables(self) -> Iterator[str]:
        """Variables of which apps in the gateway's process need different values."""
        first: dict[str, tuple[str, str]] = {}
        for name in (GATEWAY, *(name for name, app in self.apps.items() if app.mounted and app.factory)):
            for variable, text in self.declared(name).items():
                other, value = first.setdefault(variable, (name, text))
                if value != text:
                    yield f"apps.{name}: {variable} has another value in {other}, in the same process"


def find(folder: Path | None = None) -> Project:
    """The project of a folder, or of the nearest folder above this one.

    Raises:
        ConfigError: there is none, or its file has errors.
    """
    if folder is not None:
        return Project.load(folder)
    here = Path.cwd()
    if (nearest := nearest_project(here)) is None:
        message = f"There is no {PROJECT_FILE} in {here} or above: name the project's folder by --project."
        raise ConfigError([message])
    return Project.load(nearest)


def fill(text: str, values: Mapping[str, str]) -> str:
    """A text with the values of its placeholders."""
    return PLACEHOLDER.sub(lambda found: values[found[1]], text)


def keys(section: type[BaseModel] = Project, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every key of the file with its description: `apps.NAME.factory`, `gateway.routes` …."""
    for name, field in section.model_fields.items():
        if field.exclude:
            continue
        key = f"{prefix}{field.alias or name}"
        yield key, field.description or ""
        for inner in _sections(field.annotation):
            yield from keys(inner, f"{key}.NAME." if inner in {App, LayerDeclaration} else f"{key}.")


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _sections(part)


def _line(lines: Lines, loc: Loc) -> str:
    line = lines.of(loc)
    return f":{line}" if line else ""


def _sentence(error: ErrorDetails) -> str:
    place = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        known = {key.rpartition(".")[2] for key, _ in keys()}
        return f"{place}: unknown key{nearest(str(error['loc'][-1]), known)}"
    if error["loc"] == ("apps",):
        return "apps: must be tables by name: each app is headed by [apps.NAME]"
    return f"{place}: {in_words(error)}"
