"""frontispiece.toml: all that `front` knows of a project."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from frontispiece.errors import ConfigError, nearest
from frontispiece.gateway.config.layers import LayerDeclaration, LayerName
from frontispiece.gateway.config.source import Lines, Loc
from frontispiece.server import GATEWAY
from frontispiece.settings import PROJECT_FILE, nearest_project

PLACEHOLDER: Final = re.compile(r"\$\{([^{}]*)\}")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]
Factory = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
Package = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$")]
Route = Annotated[str, StringConstraints(pattern=r"^/\S*$")]
Environment = dict[Variable, str]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenGrant(_Section):
    """What the internal tokens of an app may say; `*` stands for everything."""

    audiences: tuple[str, ...] = Field(("*",), description="The services that it may call.")
    scopes: tuple[str, ...] = Field(("*",), description="The scopes that it may pass on.")
    users: tuple[str, ...] = Field(("*",), description="The users that it may act for, by `sub`.")
    guests: bool = Field(True, description="Whether it may act for guests, and merge their data at a login.")


class App(_Section):
    """One app: exactly one of `factory`, `command` and `url` says how it comes to be."""

    factory: Factory | None = Field(None, description="`module:function` that returns an ASGI app.")
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(
        None,
        description="A program in any language and its arguments; it listens on `${port}`, also in `PORT`.",
    )
    url: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="The address of an app that runs elsewhere."
    )
    mounted: bool = Field(
        False, description="Whether `front up` serves the factory's app in the gateway's process (`app://`)."
    )
    folder: Path = Field(Path(), description="The folder that `command` runs in, relative to the project's.")
    health: Route | None = Field(None, description="A path that answers 200 as soon as the app is ready.")
    database: Variable | Annotated[dict[Variable, Package], Field(min_length=1)] | None = Field(
        None,
        description="The variable for its database's URL: SQLite in the data folder unless it is set. "
        "Of several databases, each variable with the package of its migrations.",
    )
    signing_key: Variable | None = Field(
        None,
        description="The variable for the Ed25519 private key (PEM) of its internal tokens.",
    )
    token_grant: TokenGrant = Field(
        default=TokenGrant(), description="What its internal tokens may say, in `${issuers}`."
    )
    addresses: dict[Name, str] = Field(
        default={}, description="Further entries of `SERVICES`, by name, such as a gRPC address."
    )
    environment: Environment = Field(default={}, description="Its variables under `front up`.")

    @property
    def databases(self) -> dict[str, str | None]:
        """Its databases: the packages of their migrations, by the variables of their URLs.

        The one database of a factory `stars.app:create_app` has its migrations in the package
        `stars.migrations`, if there is one.
        """
        if not isinstance(self.database, str):
            return dict(self.database or {})
        package = (self.factory or "").partition(":")[0].rpartition(".")[0]
        return {self.database: f"{package}.migrations" if package else None}

    @property
    def program(self) -> str | None:
        """What `front serve` runs, in words; None when the app runs elsewhere."""
        return self.factory or (self.command[0] if self.command else None)


class Gateway(_Section):
    """The project's gateway."""

    factory: Factory = Field("frontispiece.gateway.app:create_app", description="Returns the gateway.")
    routes: Path = Field(
        Path("routes.toml"), description="The route table, relative to the project's folder."
    )
    ready: tuple[Route, ...] = Field(
        (),
        description="Paths that must answer below 500 before `front up` is ready, besides `/health/ready`.",
    )
    signing_key: Variable = Field(
        "GATEWAY_SIGNING_KEY", description="The variable for the gateway's Ed25519 private key (PEM)."
    )
    environment: Environment = Field(default={}, description="Its variables under `front up`.")
    layers: dict[LayerName, LayerDeclaration] = Field(
        default={}, description="Layers of the project's own, by the names that routes have them by."
    )


class Login(_Section):
    """How `front login` gets a token or a session."""

    issuer: Route = Field(description="The OpenID Connect provider's path at the gateway.")
    client_id: str = Field(description="The public client that tokens are issued to.")
    redirect_uri: str = Field(description="That client's redirect URI.")
    scope: str = Field("openid", description="The scopes that are requested, separated by spaces.")
    session: Route | None = Field(
        None, description="The token handler's path: `[session] path` in the route table."
    )


class Import(_Section):
    """Where `front import` sends a file."""

    path: Route = Field(description="The endpoint at the gateway that takes the file by POST.")
    user: str | None = Field(None, description="The user who logs in for it unless `--user` names another.")


class ContractsFolder(_Section):
    """What released clients rely on, for `front contracts`."""

    folder: Path = Field(
        Path("contracts"), description="The folder of `released.toml` and `<client>/<version>.json`."
    )
    stage: Factory = Field(
        description="`module:function` that puts an app on its stage: a `frontispiece.contracts.Staging`."
    )


class Demo(_Section):
    """What `front up` tells developers."""

    users: tuple[str, ...] = Field((), description="Users that the seeds create.")
    password: str | None = Field(None, description="The password of all these users.")
    hints: str = Field("", description="Text that `front up` prints once it is ready.")


class Project(_Section):
    """A project.

    Raises:
        ConfigError: by `load`, with every error of the file.
    """

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
    folder: Path = Field(exclude=True, description="The folder of the file: modules are imported from it.")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The project in a folder.

        Raises:
            ConfigError: its file cannot be read, or has errors.
        """
        file = folder / PROJECT_FILE
        try:
            text = file.read_text(encoding="utf-8")
            document = tomllib.loads(text)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError([f"{file} cannot be read: {error}"]) from None
        if "folder" in document:
            raise ConfigError([f"{file}: folder: unknown key"])
        try:
            project = cls.model_validate({**document, "folder": folder.resolve()})
        except ValidationError as invalid:
            lines = Lines(text)
            errors = [f"{file}{_line(lines, error['loc'])}: {_sentence(error)}" for error in invalid.errors()]
            raise ConfigError(errors) from None
        if errors := list(project.conflicts()):
            raise ConfigError([f"{file}: {error}" for error in errors])
        return project

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
        """What `front serve` can run, by name; the gateway is last."""
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
        if app.signing_key:
            variables[app.signing_key] = f"${{signing_keys.{app.signing_key}}}"
        return variables | app.environment

    @property
    def signers(self) -> dict[str, str]:
        """The variables of signing keys, by the name of the app that signs with it."""
        return {name: app.signing_key for name, app in self.programs.items() if app.signing_key}

    def conflicts(self) -> Iterator[str]:
        """What is wrong between keys that are valid by themselves."""
        taken = set(self.apps)
        for name, app in self.apps.items():
            place = f"apps.{name}"
            if name == GATEWAY:
                yield f"{place}: the gateway has a section of its own, [gateway]"
            if sum(kind is not None for kind in (app.factory, app.command, app.url)) != 1:
                yield f"{place}: an app has exactly one of factory, command and url"
            if app.mounted and not app.factory:
                yield f"{place}: only an app with a factory can be mounted"
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
    return f"{place}: {error['msg'].removeprefix('Value error, ')}"
